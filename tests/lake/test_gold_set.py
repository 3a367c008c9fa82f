"""Training sets in gold: those of the log, with labels and batch features as known then."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from crivo.adapters.snapshot_files.store import SnapshotFiles
from crivo.domain.errors import Code, Refused, Unavailable
from crivo.domain.instant import DAY, brasilia_day
from crivo.flows.batch_features import COLUMNS
from crivo.flows.codec import decode_report, decode_transfer
from crivo.flows.feature_store import FeatureStore
from crivo.flows.gold_set import SETS, build_gold_set, set_table
from crivo.flows.lake_log import LakeLog
from crivo.flows.training_set import Rules, training_parts
from crivo.model.labels import NEVER, Tier
from tests.lake.lakes import Rows, clear, lake_at, quiet, refined
from tests.unit.decision.worlds import START, plan

SEED = 47
COUNT = 260

RULES = {
    "in the middle": Rules(labels_as_of=START + 2 * DAY, label_delay=DAY),
    "at the end": Rules(labels_as_of=START + 30 * DAY, label_delay=7 * DAY),
    "a sample": Rules(labels_as_of=START + 30 * DAY, label_delay=0, silent_one_in=3),
}


def featured(folder, log):
    """A lake with the feature table of a log, and the name of that table's position."""
    lake = refined(lake_at(folder / "lake"), log)
    store = FeatureStore(lake, plan(), SnapshotFiles(folder / "snapshots"), unfit=pytest.fail)
    archive = LakeLog(lake, clear)
    store.extend(archive, progress=quiet)
    return lake, store.application(archive)


@pytest.fixture(scope="module")
def lake(log, tmp_path_factory):
    return featured(tmp_path_factory.mktemp("lake"), log)


def gold_rows(made, name, rules):
    """The rows of a training set in gold, by number."""
    lake, application = made
    build_gold_set(lake, plan(), application, name, rules, progress=quiet)
    found = lake.open(set_table(name, plan())).read().to_pylist()
    return {row["number"]: row for row in found}


def log_sets(log, rules):
    """The rows of the training set of a log, by number: label, tier, weight and vector."""
    found = {}
    for part in training_parts(log, plan(), rules, end=log.end(), shards=1, progress=_stages):
        for place, seq in enumerate(part.seq.tolist()):
            known_at = int(part.accepted_at[place])
            vector = part.vectors[place]
            found[seq] = {
                "event_id": part.ids[place].astype("<u8").tobytes(),
                "payer_id": part.payer_ids[place].astype("<u8").tobytes(),
                "received_at": int(part.received_at[place]),
                "label_known_at": None if known_at == NEVER else known_at,
                "label_tier": Tier(part.tier[place]).name,
                "weight": float(part.weights[place]),
                **{
                    name: None if np.isnan(cell) else float(cell)
                    for name, cell in zip(plan().names, vector, strict=True)
                },
            }
    return found


def _stages(stage, done, total):
    """Nobody watches."""


@pytest.mark.slow
@pytest.mark.parametrize("about", RULES)
def test_a_set_in_gold_is_that_of_the_log(log, lake, about):
    rules = RULES[about]
    found = gold_rows(lake, about.replace(" ", "_"), rules)
    expected = log_sets(log, rules)
    assert len(expected) > 50
    assert found.keys() == expected.keys()
    for number, row in expected.items():
        assert {name: found[number][name] for name in row} == row, number


@pytest.mark.slow
def test_sabotage_labels_of_another_day_are_noticed(log, lake):
    rules = Rules(labels_as_of=START + 30 * DAY, label_delay=0)
    earlier = Rules(labels_as_of=START + 3 * DAY, label_delay=0)
    found, expected = gold_rows(lake, "earlier", earlier), log_sets(log, rules)
    same = found.keys() & expected.keys()
    labels = [(found[each]["label_known_at"], expected[each]["label_known_at"]) for each in same]
    assert len(same) > 20
    # By the end more was known of the same transfers, and nothing else.
    assert any(then is None and now is not None for then, now in labels)
    assert all(then in {None, now} for then, now in labels)


@pytest.mark.slow
def test_a_set_as_of_an_instant_is_that_of_a_lake_that_knew_no_more(rows, lake, tmp_path):
    rules = RULES["in the middle"]
    known = [row for row in rows if row[7] <= rules.labels_as_of]
    assert len(known) < len(rows) - 50
    found = gold_rows(lake, "known_later", rules)
    assert found == gold_rows(featured(tmp_path, Rows(known)), "known_then", rules)
    assert {row["label_tier"] for row in found.values()} > {"IMMATURE", "SILENT"}


@pytest.mark.slow
def test_batch_features_are_what_was_received_before_the_day(rows, lake):
    found = gold_rows(lake, "batch", RULES["at the end"])
    about = {"transfer.v1", "report.v1"}
    told = [each for row in rows if row[8] in about for each in counted(row)]
    differs_today = 0
    for row in found.values():
        day = brasilia_day(row["received_at"])
        payee = next(r for r in rows if r[0] == row["number"])
        payee_id = decode_transfer(payee[10]).payee_id
        expected = summed(told, day, row["payer_id"], payee_id)
        assert {column.name: row[column.name] for column in COLUMNS} == expected, row["number"]
        differs_today += summed(told, day + 1, row["payer_id"], payee_id) != expected
    # Sabotage: with the day itself they would be others.
    assert differs_today > 50
    assert any(row["payee_claimed_before_today"] for row in found.values())


def counted(row):
    """What a row of the log tells of accounts: (day of receipt, account, counts) each."""
    day = brasilia_day(row[7])
    if row[8] == "report.v1":
        value = decode_report(row[10])
        kind = {"CLAIMED": "claimed", "ACCEPTED": "accepted"}.get(value.status.value)
        return [(day, value.payee_id, Counter([kind] if kind else []))]
    value = decode_transfer(row[10])
    amount = value.amount_centavos
    return [
        (day, value.payer_id, Counter(sent=1, sent_centavos=amount)),
        (day, value.payee_id, Counter(received=1, received_centavos=amount)),
    ]


def summed(told, day, payer_id, payee_id):
    """The batch features of two accounts before a day, by plain Python."""
    found = {}
    for side, account in (("payer", payer_id), ("payee", payee_id)):
        theirs = [(when, counts) for when, whose, counts in told if whose == account and when < day]
        total = sum((counts for _, counts in theirs), Counter())
        names = ("sent", "sent_centavos", "received", "received_centavos", "claimed", "accepted")
        found |= {f"{side}_{name}_before_today": total[name] for name in names}
        found[f"{side}_days_before_today"] = len({when for when, _ in theirs})
    return found


@pytest.mark.slow
def test_the_register_names_what_a_set_was_made_of_and_no_set_is_written_over(lake):
    made, application = lake
    gold_rows(lake, "once", RULES["at the end"])
    row = next(each for each in made.open(SETS).read().to_pylist() if each["name"] == "once")
    assert row["plan_hash"] == plan().plan_hash
    assert row["rows"] == made.open(set_table("once", plan())).read(["number"]).num_rows
    assert row["rows"] == sum(row[tier.name.lower()] for tier in Tier)
    with pytest.raises(Refused) as refused:
        build_gold_set(made, plan(), application, "once", RULES["a sample"], progress=quiet)
    assert refused.value.code is Code.FILE_UNWRITABLE


@pytest.mark.parametrize("name", ["", "Upper", "1st", "a-b", "a" * 41, "../x"])
def test_a_name_that_no_table_can_have_is_refused(name):
    with pytest.raises(Refused) as refused:
        set_table(name, plan())
    assert refused.value.code is Code.FIELD_VALUE


def test_without_a_feature_table_there_is_no_set(rows, tmp_path):
    lake = refined(lake_at(tmp_path), Rows(rows[:5]))
    with pytest.raises(Unavailable) as refused:
        build_gold_set(lake, plan(), "nobody", "first", RULES["at the end"], progress=quiet)
    assert refused.value.code is Code.NOT_FOUND
