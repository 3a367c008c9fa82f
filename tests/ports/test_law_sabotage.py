"""Each law of a port turns red over an adapter with the fault that it is there for."""

from __future__ import annotations

import pytest
from deltalake import CommitProperties

from crivo.adapters.delta import lake as delta_lake
from crivo.adapters.delta.lake import DeltaLake
from crivo.adapters.sqlite import quarantine as quarantine_module
from crivo.adapters.sqlite.connection import open_connection
from crivo.adapters.sqlite.decisions import SqliteDecisionIndex
from crivo.adapters.sqlite.quarantine import SqliteQuarantine
from tests.ports import faults
from tests.ports import test_decision_index_laws as index_laws
from tests.ports import test_lake_laws as lake_laws
from tests.ports import test_log_laws as log_laws
from tests.ports import test_quarantine_laws as quarantine_laws
from tests.ports.logs import REFUSED, open_test_log

RED = (AssertionError, pytest.fail.Exception)

LOG_FAULTS = [
    (faults.LosesAnEvent, log_laws.test_events_come_back_as_they_were_and_in_order),
    (faults.TurnsTheOrder, log_laws.test_events_come_back_as_they_were_and_in_order),
    (faults.AltersAPayload, log_laws.test_events_come_back_as_they_were_and_in_order),
    (faults.LeavesGaps, log_laws.test_numbers_and_offsets_have_no_gaps),
    (faults.LosesAnEvent, log_laws.test_numbers_and_offsets_have_no_gaps),
    (faults.MixesPartitions, log_laws.test_the_partition_is_that_of_the_key),
    (faults.ReadsOnePast, log_laws.test_reading_twice_gives_the_same_from_any_place),
    (faults.IgnoresStreams, log_laws.test_a_read_of_some_streams_keeps_their_numbers),
    (faults.KnowsNothing, log_laws.test_what_is_there_is_known_and_found),
    (faults.FindsNothing, log_laws.test_what_is_there_is_known_and_found),
    (faults.KnowsNothing, log_laws.test_an_event_is_known_as_soon_as_it_is_sequenced),
    (faults.ForgetsTheTime, log_laws.test_the_order_time_of_a_partition_never_goes_back),
    (faults.LosesAnEvent, log_laws.test_many_writers_at_once_lose_and_double_nothing),
]
QUARANTINE_FAULTS = [
    (faults.DropsTheLastRow, quarantine_laws.test_rows_come_back_in_order_and_are_counted_by_cause),
    (faults.ShufflesRows, quarantine_laws.test_rows_come_back_in_order_and_are_counted_by_cause),
    (faults.CountsOneLess, quarantine_laws.test_rows_come_back_in_order_and_are_counted_by_cause),
    (faults.KeepsTheFirstCause, quarantine_laws.test_a_row_put_again_replaces_its_cause),
    (
        faults.ForgetsWhatWasMended,
        quarantine_laws.test_what_came_in_mended_waits_no_longer_wherever_it_is_refused_again,
    ),
    (
        faults.DismissesNothing,
        quarantine_laws.test_a_row_that_was_dismissed_waits_again_only_for_another_cause,
    ),
]
INDEX_FAULTS = [
    (faults.HasReachedSomething, index_laws.test_a_new_index_has_reached_nothing),
    (
        faults.IgnoresPhases,
        index_laws.test_decisions_are_found_by_id_and_phase_and_the_newest_come_first,
    ),
    (
        faults.OldestFirst,
        index_laws.test_decisions_are_found_by_id_and_phase_and_the_newest_come_first,
    ),
    (faults.GoesBack, index_laws.test_what_was_reached_never_goes_back),
    (faults.ForgetsThePayer, index_laws.test_a_search_gives_what_is_asked_for_newest_first),
    (faults.ForgetsTheOutcome, index_laws.test_a_search_gives_what_is_asked_for_newest_first),
    (faults.TakesTheEndIn, index_laws.test_a_search_gives_what_is_asked_for_newest_first),
    (faults.RepeatsTheLastOfAPage, index_laws.test_pages_that_follow_each_other_are_the_whole_list),
]
LAKE_FAULTS = [
    (faults.HasEverything, lake_laws.test_a_table_is_made_where_there_is_none),
    (faults.TakesOtherColumns, lake_laws.test_a_table_of_other_columns_is_refused),
    (faults.ReadsAllRows, lake_laws.test_rows_are_read_as_they_are_wanted_and_counted_by_day),
    (faults.CountsOneMore, lake_laws.test_rows_are_read_as_they_are_wanted_and_counted_by_day),
    (faults.ReadsWhatIsThereByNow, lake_laws.test_a_reader_sees_a_write_whole_or_not_at_all),
    (faults.WritesInHalves, lake_laws.test_a_reader_sees_a_write_whole_or_not_at_all),
    (
        faults.AppendsWhoeverMoved,
        lake_laws.test_an_append_whose_positions_another_has_moved_changes_nothing,
    ),
    (
        faults.MovesNothing,
        lake_laws.test_an_append_whose_positions_another_has_moved_changes_nothing,
    ),
    (
        faults.MovesNothing,
        lake_laws.test_of_appends_at_once_that_move_one_position_one_is_written,
    ),
    (faults.ReplacesAllDays, lake_laws.test_a_replacement_leaves_the_rows_of_all_other_days),
    (faults.KeepsWhatItReplaces, lake_laws.test_a_replacement_leaves_the_rows_of_all_other_days),
    (
        faults.ReplacesWhateverWasWritten,
        lake_laws.test_a_replacement_that_meets_anothers_write_changes_nothing,
    ),
    (
        faults.ReplacesWhateverWasWritten,
        lake_laws.test_a_replacement_of_a_whole_table_that_meets_anothers_changes_nothing,
    ),
    (faults.KeepsWhatItReplaces, lake_laws.test_of_replacements_at_once_one_is_written),
    (faults.KeepsNoRules, lake_laws.test_what_breaks_a_rule_of_the_table_is_never_written),
]


def named(pairs):
    return [f"{fault.__name__}-{law.__name__}" for fault, law in pairs]


@pytest.mark.parametrize(("fault", "law"), LOG_FAULTS, ids=named(LOG_FAULTS))
def test_sabotage_a_faulty_log_breaks_its_law(tmp_path, fault, law):
    log = open_test_log(tmp_path / "log.sqlite")
    with pytest.raises(RED):
        law(fault(log))
    log.close()


def test_sabotage_a_log_that_skips_duplicates_in_silence_breaks_its_law(tmp_path):
    log = open_test_log(tmp_path / "log.sqlite")
    with pytest.raises(RED):
        log_laws.test_a_duplicate_is_refused_before_anything_is_sequenced(
            faults.TakesDuplicates(log), ask_first=False
        )
    log.close()


@pytest.mark.parametrize(("fault", "law"), QUARANTINE_FAULTS, ids=named(QUARANTINE_FAULTS))
def test_sabotage_a_faulty_quarantine_breaks_its_law(tmp_path, fault, law):
    quarantine = SqliteQuarantine(tmp_path / "quarantine.sqlite", REFUSED)
    with pytest.raises(RED):
        law(fault(quarantine))
    quarantine.close()


def test_sabotage_a_quarantine_that_does_not_sync_breaks_its_law(tmp_path, monkeypatch):
    def careless(path, *, vfs=None):
        opened = open_connection(path, vfs=vfs)
        opened.execute("PRAGMA synchronous = OFF").fetchall()
        return opened

    monkeypatch.setattr(quarantine_module, "open_connection", careless)
    with pytest.raises(RED):
        quarantine_laws.test_put_is_durable_before_it_returns(tmp_path)


@pytest.mark.parametrize(("fault", "law"), INDEX_FAULTS, ids=named(INDEX_FAULTS))
def test_sabotage_a_faulty_index_breaks_its_law(tmp_path, fault, law):
    index = SqliteDecisionIndex(tmp_path / "decisions.sqlite", log_id="log")
    with pytest.raises(RED):
        law(fault(index))
    index.close()


def test_sabotage_an_index_whose_last_record_stands_breaks_its_law(tmp_path):
    index = SqliteDecisionIndex(tmp_path / "decisions.sqlite", log_id="log")
    with pytest.raises(RED):
        index_laws.test_of_two_records_the_first_in_the_log_stands(
            faults.LastOneStands(index), seqs=(3, 9)
        )
    index.close()


@pytest.mark.parametrize(("fault", "law"), LAKE_FAULTS, ids=named(LAKE_FAULTS))
def test_sabotage_a_faulty_lake_breaks_its_law(tmp_path, fault, law):
    with pytest.raises(RED):
        law(fault(DeltaLake(str(tmp_path), {})))


@pytest.mark.parametrize(
    "law",
    [
        lake_laws.test_a_replacement_that_meets_anothers_write_changes_nothing,
        lake_laws.test_a_replacement_of_a_whole_table_that_meets_anothers_changes_nothing,
    ],
)
def test_sabotage_a_replacement_that_is_tried_again_breaks_its_law(tmp_path, monkeypatch, law):
    """The store's own look at what two commits touched is less than the law."""

    def tried_again(max_commit_retries=None, **how):
        return CommitProperties(**how)

    monkeypatch.setattr(delta_lake, "CommitProperties", tried_again)
    with pytest.raises(RED):
        law(DeltaLake(str(tmp_path), {}))


def test_every_law_of_a_lake_has_a_fault_that_breaks_it():
    laws = {each for name, each in vars(lake_laws).items() if name.startswith("test_")}
    assert laws == {law for _, law in LAKE_FAULTS}
