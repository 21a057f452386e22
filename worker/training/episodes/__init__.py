"""What a meta job trains on and is judged by: episodes drawn by a seed, the loop, the evaluation, its rivals."""
