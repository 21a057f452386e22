"""The pages of docs/examples, run as they stand over HTTP. What a page claims, it asserts itself."""

import os
import re

import pytest

from tests.journeys.pages import ROOT, run_python

EXAMPLES = ROOT / "docs" / "examples"


@pytest.fixture
def variables(service):
    url, key = service
    return {"TASKGRAFT_URL": url, "TASKGRAFT_KEY": key}


def test_five_groups_share_a_linear_map_and_an_unseen_one_is_answered_by_the_mean_head(variables, tmp_path):
    printed = run_python(EXAMPLES / "1-five-tasks-one-linear-map.md", folder=tmp_path, variables=variables)
    assert len(re.findall(r"^group=g\d/label: accuracy 0\.\d+, F1 0\.\d+", printed, re.MULTILINE)) == 5
    assert re.search(r"unseen group: accuracy 0\.\d+, F1 0\.\d+", printed)


def test_a_regression_and_a_classification_share_a_layer_and_a_lone_class_is_refused(variables, tmp_path):
    printed = run_python(EXAMPLES / "2-regression-and-classification.md", folder=tmp_path, variables=variables)
    assert "/tasks/1/target single-class-target" in printed


def test_a_joint_loss_with_a_regulariser_stands_beside_training_alone(variables, tmp_path):
    printed = run_python(EXAMPLES / "3-joint-loss-with-regulariser.md", folder=tmp_path, variables=variables)
    assert len(re.findall(r"^(?:first|second): together \S+, alone \S+ gain ", printed, re.MULTILINE)) == 2


def test_a_hierarchy_of_139_schools_gets_a_verdict_a_school(variables, tmp_path):
    printed = run_python(EXAMPLES / "4-schools.md", folder=tmp_path, variables=variables)
    assert "5560 pupils, 139 schools" in printed
    assert re.search(r"shared network \S+ pooled ridge with a school one-hot 0\.\d+", printed)


def test_digits_0_to_4_are_the_source_of_digits_5_to_9(variables, tmp_path):
    printed = run_python(EXAMPLES / "5-digits-transfer.md", folder=tmp_path, variables=variables)
    told = r"^(?:\d+|all) labelled rows, \w+: accuracy 0\.\d+, from scratch 0\.\d+"
    assert len(re.findall(told, printed, re.MULTILINE)) == 5
    assert "parent deleted" in printed


def test_a_linear_model_moves_to_a_smaller_table_with_l1_and_with_l2(variables, tmp_path):
    printed = run_python(EXAMPLES / "6-linear-transfer.md", folder=tmp_path, variables=variables)
    assert len(re.findall(r"^    gain over from scratch \[.*\]: helped$", printed, re.MULTILINE)) >= 1


def test_a_meta_model_adapts_to_xor_here_and_in_a_second_installation(variables, tmp_path):
    printed = run_python(EXAMPLES / "7-boolean-functions.md", folder=tmp_path, variables=variables)
    assert len(re.findall(r"^(?:XOR|NOT XOR|NOT x1): \d+% right after eight rows", printed, re.MULTILINE)) == 3
    assert "XOR, in the other installation" in printed


def test_a_meta_model_learns_a_new_wave_from_ten_points(variables, tmp_path):
    few = {**variables, "ITERATIONS": "3000"}
    printed = run_python(EXAMPLES / "8-sinusoids.md", folder=tmp_path, variables=few)
    errors = [float(error) for error in re.findall(r"^after \d steps: squared error (\S+) ±", printed, re.MULTILINE)]
    assert len(errors) == 2
    assert max(errors) < 3.006


def test_a_new_shop_gets_a_head_of_its_own_from_thirty_rows(variables, tmp_path):
    printed = run_python(EXAMPLES / "9-new-shop.md", folder=tmp_path, variables=variables)
    assert re.search(r"^after: rmse \d\.\d+ in \d+\.\d ms$", printed, re.MULTILINE)


@pytest.mark.data
def test_one_embedding_of_omniglot_serves_five_and_twenty_ways(variables, tmp_path):
    with_data = {**variables, "TASKGRAFT_DATA": os.environ["TASKGRAFT_DATA"], "EPISODES": "200"}
    printed = run_python(EXAMPLES / "10-omniglot.md", folder=tmp_path, variables=with_data, seconds=900)
    assert len(re.findall(r"^\d+-way \d-shot \{", printed, re.MULTILINE)) == 4


@pytest.mark.data
def test_animals_are_a_source_for_vehicles(variables, tmp_path):
    with_data = {**variables, "TASKGRAFT_DATA": os.environ["TASKGRAFT_DATA"], "EPOCHS": "4"}
    printed = run_python(EXAMPLES / "11-cifar-transfer.md", folder=tmp_path, variables=with_data, seconds=900)
    assert len(re.findall(r"^\d+ labelled vehicles", printed, re.MULTILINE)) == 4


@pytest.mark.data
def test_the_139_real_schools_get_a_verdict_each(variables, tmp_path):
    with_data = {**variables, "TASKGRAFT_DATA": os.environ["TASKGRAFT_DATA"]}
    printed = run_python(EXAMPLES / "4-schools.md", folder=tmp_path, variables=with_data, seconds=600)
    assert "15362 pupils, 139 schools" in printed
    ridge = re.search(r"pooled ridge with a school one-hot (0\.\d+)", printed)
    assert ridge is not None
    assert float(ridge[1]) == pytest.approx(0.378, abs=0.03)
