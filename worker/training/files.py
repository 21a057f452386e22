"""What an attempt leaves in its folder."""

MODEL, RESULT, PREDICTIONS = "model.safetensors", "result.json", "predictions.parquet"
