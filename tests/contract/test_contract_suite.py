"""The suite itself: the references pass, and for every check there is a connector that fails it and nothing else."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, time

import pytest

from mi_sync.connector import Board, Row, SourceFile, Table, View, plant
from mi_sync.errors import (
    BudgetReached,
    MiSyncError,
    NotAuthorised,
    OutcomeUnknown,
    RequestRefused,
    SourceError,
    Unavailable,
)
from mi_sync.model import BoardIdentity, Capabilities, CheckItem, Children, Fields, Patch, Remote, Snapshot
from mi_sync.testing import (
    BOARD_CHECKS,
    CAPABILITY_CHECKS,
    PUBLISHER_CHECKS,
    RUN_CHECKS,
    SOURCE_CHECKS,
    Engine,
    Fault,
    MemoryBoard,
    MemoryHand,
    MemoryItem,
    MemoryLab,
    MemoryPublisher,
    MemoryPublisherLab,
    MemorySource,
    MemorySourceLab,
    MemoryWorld,
    check_board,
    check_publisher,
    check_runs,
    check_source,
    failures,
)

# ---------------------------------------------------------------------------------------- broken boards


class AsksTwiceWhoItIs(MemoryBoard):
    def identity(self) -> BoardIdentity:
        super().identity()
        return super().identity()


class DoesNotCountSnapshots(MemoryBoard):
    def snapshot(self) -> Snapshot:
        self._requests_before += 1
        return super().snapshot()


class ForgetsTheLabelsOfTheBoard(MemoryBoard):
    def snapshot(self) -> Snapshot:
        return replace(super().snapshot(), labels=())


class ClaimsToBeComplete(MemoryBoard):
    def snapshot(self) -> Snapshot:
        return replace(super().snapshot(), complete=True, incomplete_because="")


class SnapshotRoundsTheStart(MemoryBoard):
    def snapshot(self) -> Snapshot:
        seen = super().snapshot()
        return replace(seen, remotes=tuple(replace(r, start=None) for r in seen.remotes))


class RemembersWhatIsGone(MemoryBoard):
    def read(self, id: str) -> Remote | None:  # noqa: A002
        return super().read(id) or Remote(id, "", "", "")


class NewestStopsAtFifty(MemoryBoard):
    def newest(self) -> Sequence[Remote]:
        return super().newest()[:50]


class NewestIsCached(MemoryBoard):
    _cache: Sequence[Remote] | None = None

    def newest(self) -> Sequence[Remote]:
        if self._cache is None:
            self._cache = super().newest()
        return self._cache


class PlantsTheMarkerLater(MemoryBoard):
    """After an answer only, so that nothing but a lost answer shows it."""

    def merge(self, patch: Patch) -> Remote:
        if patch.id is not None:
            return super().merge(patch)
        try:
            return super().merge(patch)
        except OutcomeUnknown:
            for item in self.world.items.values():
                if item.title == patch.fields.get("title"):
                    item.text = patch.body
            raise


class SetsDoneByASecondCall(MemoryBoard):
    def merge(self, patch: Patch) -> Remote:
        made = super().merge(patch)
        if patch.id is None and "done" in patch.fields:
            self.world.write(lambda: None)
        return made


class InventsTheUrl(MemoryBoard):
    def merge(self, patch: Patch) -> Remote:
        return replace(super().merge(patch), url="memory://elsewhere")


class NeverShowsDone(MemoryBoard):
    def read(self, id: str) -> Remote | None:  # noqa: A002
        seen = super().read(id)
        return replace(seen, done=False) if seen and seen.title == "Item 1" else seen


class CannotChangeTheBody(MemoryBoard):
    def merge(self, patch: Patch) -> Remote:
        if patch.id is not None and patch.fields.get("body"):
            patch = replace(patch, body=self.world.items[patch.id].remote().body)
        return super().merge(patch)


class CannotClear(MemoryBoard):
    def merge(self, patch: Patch) -> Remote:
        fields: Fields = {**patch.fields}
        if "due" in fields and fields["due"] is None:
            del fields["due"]
        return super().merge(replace(patch, fields=fields))


class ChangesEachFieldByACall(MemoryBoard):
    def merge(self, patch: Patch) -> Remote:
        if patch.id is not None:
            for _ in range(len(patch.fields) - 1):
                self.world.write(lambda: None)
        return super().merge(patch)


class LeavesTheMarkerOff(MemoryBoard):
    """Does not restore a marker that a person removed."""

    def merge(self, patch: Patch) -> Remote:
        lost = patch.id is not None and patch.id in self.world.items and not self.world.items[patch.id].remote().marker
        done = super().merge(patch)
        if lost:
            self.world.items[done.id].text = patch.body
        return done


class TidiesWhatPeopleWrote(MemoryBoard):
    """Writes its normal form also where the body is not to be changed."""

    def normal_body(self, body: str) -> str:
        return body.replace("~~", "")

    def merge(self, patch: Patch) -> Remote:
        return super().merge(replace(patch, body=self.normal_body(patch.body)))


class MarksEverything(MemoryBoard):
    def snapshot(self) -> Snapshot:
        for item in self.world.items.values():
            if item.title == "A person's" and item.list == "To do" and not item.remote().marker:
                item.text = plant(item.text, "1.ours")
        return super().snapshot()


class KnowsOnlyItsOwnMarkers(MemoryBoard):
    def read(self, id: str) -> Remote | None:  # noqa: A002
        seen = super().read(id)
        return replace(seen, marker=None) if seen and seen.marker and seen.marker.startswith("9.") else seen


class HidesTheArchive(MemoryBoard):
    def snapshot(self) -> Snapshot:
        seen = super().snapshot()
        return replace(seen, remotes=tuple(r for r in seen.remotes if not r.archived))


class WritesWhatItRemembers(MemoryBoard):
    """Sends the title that it wrote before with every change."""

    def merge(self, patch: Patch) -> Remote:
        self.titles: dict[str, str] = getattr(self, "titles", {})
        known = self.titles.get(patch.id or "")
        if known and "title" not in patch.fields:
            patch = replace(patch, fields={**patch.fields, "title": known})
        done = super().merge(patch)
        self.titles[done.id] = done.title
        return done


class Reopens(MemoryBoard):
    def merge(self, patch: Patch) -> Remote:
        if patch.id is not None and set(patch.fields) == {"title"}:
            patch = replace(patch, fields={**patch.fields, "done": False})
        return super().merge(patch)


class MovesToTheBottom(MemoryBoard):
    def _apply(self, item: MemoryItem, patch: Patch) -> None:
        super()._apply(item, patch)
        item.position = max((i.position for i in self.world.items.values()), default=0.0) + 1.0


class ReplacesMembers(MemoryBoard):
    def _apply(self, item: MemoryItem, patch: Patch) -> None:
        super()._apply(item, patch)
        item.assignees = item.assignees[:1]


class FindsListsInAnyCase(MemoryBoard):
    def merge(self, patch: Patch) -> Remote:
        there = {name.casefold(): name for name in self.world.lists}
        if name := there.get(patch.fields.get("list", "").casefold()):
            patch = replace(patch, fields={**patch.fields, "list": name})
        return super().merge(patch)


class MakesLabelsAgain(MemoryBoard):
    """Makes a label that was first seen on another item once more."""

    def merge(self, patch: Patch) -> Remote:
        if patch.fields.get("labels") == ("later",):
            self.world.write(lambda: self.world.labels.append("later"))
        return super().merge(patch)


class AddsInReverse(MemoryBoard):
    def merge_children(self, remote: Remote, children: Children) -> None:
        if {"two", "three"} <= set(children.add_labels):
            children = replace(children, add_checks=children.add_checks[::-1])
        super().merge_children(remote, children)


class RemovesInAnyCase(MemoryBoard):
    def _remove_label(self, item: MemoryItem, name: str) -> None:
        for there in [label for label in item.labels if label.casefold() == name.casefold()]:
            super()._remove_label(item, there)


class RemovesTickedLines(MemoryBoard):
    def _remove_check(self, item: MemoryItem, text: str) -> None:
        for line in [each for each in item.checklist if each.text == text]:
            item.checklist.remove(line)


class WritesLabelsAgain(MemoryBoard):
    """Harmless, but a call for nothing."""

    def _add_label(self, item: MemoryItem, name: str) -> None:
        if name in item.labels and len(item.checklist) == 1:
            self.world.write(lambda: None)
        super()._add_label(item, name)


class RepeatsLines(MemoryBoard):
    """Sends a line again after a lost answer, without looking."""

    def _add_check(self, item: MemoryItem, text: str) -> None:
        try:
            super()._add_check(item, text)
        except OutcomeUnknown:
            self.world.write(lambda: item.checklist.append(CheckItem(self.world.new_id(), text)))


class CreatesAgainWhenNothingCame(MemoryBoard):
    def merge(self, patch: Patch) -> Remote:
        before = len(self.world.items)
        try:
            return super().merge(patch)
        except OutcomeUnknown:
            if patch.id is None and len(self.world.items) == before:
                return super().merge(patch)
            raise


class CreatesAgainWhenItCame(MemoryBoard):
    def merge(self, patch: Patch) -> Remote:
        before = len(self.world.items)
        try:
            return super().merge(patch)
        except OutcomeUnknown:
            if patch.id is None and len(self.world.items) > before:
                twin = self._new(replace(patch, marker="1.twin"))
                self.world.write(lambda: self.world.add(twin))
            raise


class BelievesInChanges(MemoryBoard):
    """Takes a lost answer to a change for a success."""

    def merge(self, patch: Patch) -> Remote:
        try:
            return super().merge(patch)
        except OutcomeUnknown:
            if patch.id is None:
                raise
            return self.world.items[patch.id].remote()


class TurnsRefusalsIntoUnknown(MemoryBoard):
    def merge(self, patch: Patch) -> Remote:
        try:
            return super().merge(patch)
        except RequestRefused as refusal:
            if refusal.why == "refused.":
                raise OutcomeUnknown("nobody knows.") from refusal
            raise


class MakesAnotherOne(MemoryBoard):
    def merge(self, patch: Patch) -> Remote:
        if patch.id is not None and patch.id not in self.world.items:
            patch = replace(patch, id=None)
        return super().merge(patch)


class _Translates(MemoryBoard):
    """Tells another error than the one that came."""

    came: type[MiSyncError]
    told: type[MiSyncError]

    def merge(self, patch: Patch) -> Remote:
        try:
            return super().merge(patch)
        except self.came as error:
            raise self.told(error.why) from error


class HidesTheBudget(_Translates):
    came, told = BudgetReached, Unavailable


class HidesLostRights(_Translates):
    came, told = NotAuthorised, Unavailable


class CountsNothing(MemoryBoard):
    """Tells how much the board holds, and not how much there is."""

    def snapshot(self) -> Snapshot:
        seen = super().snapshot()
        return replace(seen, limits=tuple(replace(each, used={}) for each in seen.limits))


class _Claims(MemoryBoard):
    """Claims more than it does."""

    claim: Capabilities = Capabilities()

    def __init__(self, world: MemoryWorld) -> None:
        super().__init__(world, self.claim)


class ChangesNoStart(MemoryBoard):
    def _apply(self, item: MemoryItem, patch: Patch) -> None:
        start = item.start
        super()._apply(item, patch)
        item.start = item.start if start is None else start


class ForgetsAStartWithoutAnEnd(MemoryBoard):
    def _apply(self, item: MemoryItem, patch: Patch) -> None:
        super()._apply(item, patch)
        item.start = item.start if item.due else None


class EndsBeforeItStarts(MemoryBoard):
    """Drops a start date after the due date, and does not say so."""

    def _apply(self, item: MemoryItem, patch: Patch) -> None:
        super()._apply(item, patch)
        if isinstance(item.due, datetime) and item.start and item.start > item.due.date():
            item.start = None


class SortsLabelsAway(MemoryBoard):
    """Keeps one label of two."""

    def _new(self, patch: Patch) -> MemoryItem:
        item = super()._new(patch)
        if item.labels == ["one", "two"] and "due" not in patch.fields:
            del item.labels[0]
        return item


class NeedsASecondLine(MemoryBoard):
    """Makes the checklist with the first two lines, and never with one."""

    def _add_check(self, item: MemoryItem, text: str) -> None:
        if item.title != "Item 1" or item.labels or text != "first":
            super()._add_check(item, text)


class AssignsNobody(MemoryBoard):
    def _new(self, patch: Patch) -> MemoryItem:
        item = super()._new(patch)
        if not {"due", "labels"} & set(patch.fields):
            item.assignees = []
        return item


class DropsTheTime(MemoryBoard):
    def _apply(self, item: MemoryItem, patch: Patch) -> None:
        super()._apply(item, patch)
        if isinstance(item.due, datetime):
            item.due = item.due.replace(hour=12, minute=0)


class ForgetsThatThereWasNoTime(MemoryBoard):
    def _apply(self, item: MemoryItem, patch: Patch) -> None:
        super()._apply(item, patch)
        if item.due and not isinstance(item.due, datetime):
            item.due = datetime.combine(item.due, time(17), UTC)


class RefusesNoSecond(_Claims):
    claim = Capabilities(unique=True)

    def _add(self, patch: Patch) -> Remote:
        return super()._add(replace(patch, unique=self.world.new_id()))


class CompletesWhatItArchives(MemoryBoard):
    def _apply(self, item: MemoryItem, patch: Patch) -> None:
        super()._apply(item, patch)
        if "archived" in patch.fields and "title" not in patch.fields:
            item.done = True


class PutsNewItemsOnTop(_Claims):
    """On top of everything, which no board may."""

    claim = Capabilities(new_items="top")

    def _add(self, patch: Patch) -> Remote:
        first = min(self.world.items.values(), key=lambda each: each.position, default=None)
        return self.world.add(self._new(patch), above=first).remote()


class LosesWhatNobodyHas(_Claims):
    claim = Capabilities(lossy={"colour": "the board is grey"})


class ForgetsEmphasis(MemoryBoard):
    def _apply(self, item: MemoryItem, patch: Patch) -> None:
        new = patch.fields.get("body", "").replace("***d***", "d")
        super()._apply(item, replace(patch, body=new) if "body" in patch.fields else patch)


class CutsTitles(MemoryBoard):
    def merge(self, patch: Patch) -> Remote:
        if "title" in patch.fields:
            fields: Fields = {**patch.fields, "title": patch.fields["title"][: self.capabilities.max_title]}
            patch = replace(patch, fields=fields)
        return super().merge(patch)


class CutsBodies(MemoryBoard):
    def merge(self, patch: Patch) -> Remote:
        room = self.capabilities.max_body - len(plant("x", patch.marker)) + 1
        return super().merge(replace(patch, body=patch.body[:room]))


class PutsItemsOnTheFirstList(MemoryBoard):
    def _new(self, patch: Patch) -> MemoryItem:
        item = super()._new(patch)
        item.list = self.world.lists[0] if item.list == "Never seen" and len(self.world.lists) > 1 else item.list
        return item

    def merge(self, patch: Patch) -> Remote:
        if patch.id is None and patch.fields.get("list") == "Never seen":
            self.world.lists.insert(0, "To do")
        return super().merge(patch)


class WritesEssays(_Claims):
    claim = Capabilities(notes=("one\ntwo",))


class ClearsWhatItDoesNotName(MemoryBoard):
    def _set_field(self, item: MemoryItem, name: str, value: str) -> None:
        if name == "Intern" and "Theirs" in item.remote(self._fields()).fields:
            item.values.clear()
        super()._set_field(item, name, value)


class SetsFieldsAgain(MemoryBoard):
    def _set_field(self, item: MemoryItem, name: str, value: str) -> None:
        if item.remote(self._fields()).fields.get(name) == value:
            self.world.write(lambda: None)
        super()._set_field(item, name, value)


class RepeatsComments(MemoryBoard):
    def _say(self, item: MemoryItem, text: str) -> None:
        try:
            super()._say(item, text)
        except OutcomeUnknown:
            self.world.write(lambda: item.comments.append(text))


class ForgetsHalfAnHour(MemoryBoard):
    def _set_field(self, item: MemoryItem, name: str, value: str) -> None:
        super()._set_field(item, name, value.removesuffix(".5"))


class FollowsNobody(MemoryBoard):
    def merge(self, patch: Patch) -> Remote:
        made = super().merge(patch)
        self.world.items[made.id].followers.clear()
        return made


class SaysItEverywhere(MemoryBoard):
    def _say(self, item: MemoryItem, text: str) -> None:
        super()._say(item, text)
        if text == "Welcome":
            for each in self.world.items.values():
                each.comments = [text]


BROKEN_BOARDS: Mapping[str, Callable[[MemoryWorld], Board]] = {
    "identity_is_one_cheap_read": AsksTwiceWhoItIs,
    "requests_are_counted": DoesNotCountSnapshots,
    "snapshot_holds_everything": ForgetsTheLabelsOfTheBoard,
    "short_snapshot_says_so": ClaimsToBeComplete,
    "read_is_as_the_snapshot": SnapshotRoundsTheStart,
    "read_knows_what_is_gone": RemembersWhatIsGone,
    "newest_come_first": NewestStopsAtFifty,
    "newest_is_never_stale": NewestIsCached,
    "creation_carries_the_marker": PlantsTheMarkerLater,
    "creation_is_one_call": SetsDoneByASecondCall,
    "creation_tells_id_and_url": InventsTheUrl,
    "creation_reads_back": NeverShowsDone,
    "bodies_read_back_in_normal_form": ForgetsEmphasis,
    "changes_read_back": CannotChangeTheBody,
    "changes_can_clear": CannotClear,
    "changes_are_one_call": ChangesEachFieldByACall,
    "marker_follows_changes": LeavesTheMarkerOff,
    "bodies_belong_to_people": TidiesWhatPeopleWrote,
    "unmarked_items_have_no_marker": MarksEverything,
    "foreign_markers_are_told": KnowsOnlyItsOwnMarkers,
    "archived_items_are_shown": HidesTheArchive,
    "only_given_fields_are_written": WritesWhatItRemembers,
    "done_belongs_to_people": Reopens,
    "list_and_position_belong_to_people": MovesToTheBottom,
    "sets_survive_changes": ReplacesMembers,
    "missing_lists_are_made_once": FindsListsInAnyCase,
    "missing_labels_are_made_once": MakesLabelsAgain,
    "children_are_added": AddsInReverse,
    "children_are_removed": RemovesInAnyCase,
    "ticked_lines_stay": RemovesTickedLines,
    "children_can_be_repeated": WritesLabelsAgain,
    "children_survive_lost_answers": RepeatsLines,
    "lost_creation_is_unknown": CreatesAgainWhenNothingCame,
    "unanswered_creation_is_not_repeated": CreatesAgainWhenItCame,
    "unknown_changes_are_not_invented": BelievesInChanges,
    "refused_means_nothing_happened": TurnsRefusalsIntoUnknown,
    "changes_of_what_is_gone_are_refused": MakesAnotherOne,
    "budget_stops_before_sending": HidesTheBudget,
    "lost_rights_are_told": HidesLostRights,
    "limits_are_told_and_kept": CountsNothing,
    "custom_fields_belong_to_people": ClearsWhatItDoesNotName,
    "custom_fields_are_set_once": SetsFieldsAgain,
    "comments_are_said_once": RepeatsComments,
    "start_is_as_claimed": ChangesNoStart,
    "start_alone_is_as_claimed": ForgetsAStartWithoutAnEnd,
    "start_after_due_is_as_claimed": EndsBeforeItStarts,
    "labels_are_as_claimed": SortsLabelsAway,
    "checklists_are_as_claimed": NeedsASecondLine,
    "assignees_are_as_claimed": AssignsNobody,
    "due_time_is_as_claimed": DropsTheTime,
    "due_day_is_as_claimed": ForgetsThatThereWasNoTime,
    "unique_is_as_claimed": RefusesNoSecond,
    "archive_is_as_claimed": CompletesWhatItArchives,
    "new_items_are_as_claimed": PutsNewItemsOnTop,
    "fields_are_as_claimed": ForgetsHalfAnHour,
    "followers_are_as_claimed": FollowsNobody,
    "comments_are_as_claimed": SaysItEverywhere,
    "losses_are_named": LosesWhatNobodyHas,
    "longest_title_fits": CutsTitles,
    "longest_body_fits": CutsBodies,
    "new_lists_are_as_claimed": PutsItemsOnTheFirstList,
    "notes_are_lines": WritesEssays,
}

# -------------------------------------------------------------------------- boards on which runs go wrong


class _Spoils(MemoryBoard):
    """Does something else to an item than it was told."""

    def _apply(self, item: MemoryItem, patch: Patch) -> None:
        super()._apply(item, patch)
        self.spoil(item, patch)

    def spoil(self, item: MemoryItem, patch: Patch) -> None:
        raise NotImplementedError


class Shouts(_Spoils):
    def spoil(self, item: MemoryItem, patch: Patch) -> None:  # noqa: ARG002  the hook's shape
        item.title = item.title.upper()


class EscapesMarkup(_Spoils):
    def spoil(self, item: MemoryItem, patch: Patch) -> None:  # noqa: ARG002  the hook's shape
        item.title = item.title.replace("<", "&lt;")


class CutsQuietly(_Spoils):
    def spoil(self, item: MemoryItem, patch: Patch) -> None:
        item.text = plant(patch.body[:1000], patch.marker)


class NeverArchives(_Spoils):
    def spoil(self, item: MemoryItem, patch: Patch) -> None:  # noqa: ARG002  the hook's shape
        item.archived = False


class CompletesWhatItRevives(_Spoils):
    def spoil(self, item: MemoryItem, patch: Patch) -> None:
        item.done |= patch.fields.get("archived") is False


class CannotMoveDates(_Spoils):
    def spoil(self, item: MemoryItem, patch: Patch) -> None:
        if patch.id is not None:
            item.due = item.due.replace(month=3, day=9) if item.due else None


class KnowsOneList(_Spoils):
    def spoil(self, item: MemoryItem, patch: Patch) -> None:  # noqa: ARG002  the hook's shape
        item.list = self.world.lists[0]


class RestoresTitles(_Spoils):
    def spoil(self, item: MemoryItem, patch: Patch) -> None:
        if patch.id is not None:
            item.title = "Milestone 1"


class MarksNothing(_Spoils):
    def spoil(self, item: MemoryItem, patch: Patch) -> None:
        item.text = patch.body


class RefusesAStartAfterTheDueDate(MemoryBoard):
    """And does not say so beforehand."""

    def merge(self, patch: Patch) -> Remote:
        before = self.world.items.get(patch.id or "", MemoryItem("", ""))
        due, start = patch.fields.get("due", before.due), patch.fields.get("start", before.start)
        if isinstance(due, datetime) and start and start > due.date():
            raise RequestRefused("it would begin after its end.")
        return super().merge(patch)


class WritesToNamesakes(MemoryBoard):
    def _change(self, id_: str, patch: Patch) -> Remote:
        title = self.world.items[id_].title
        for twin in [each for each in self.world.items.values() if each.title == title]:
            self._apply(twin, patch)
        return super()._change(id_, patch)


class ShowsBodiesAsWritten(MemoryBoard):
    def snapshot(self) -> Snapshot:
        seen = super().snapshot()
        bodies = {each.id: _BODIES.get(each.id, each.body) for each in seen.remotes}
        return replace(seen, remotes=tuple(replace(each, body=bodies[each.id]) for each in seen.remotes))

    def _apply(self, item: MemoryItem, patch: Patch) -> None:
        super()._apply(item, patch)
        _BODIES[item.id] = patch.body


_BODIES: dict[str, str] = {}


class ShowsTheArchiveAsOpen(MemoryBoard):
    def snapshot(self) -> Snapshot:
        seen = super().snapshot()
        return replace(seen, remotes=tuple(replace(each, archived=False) for each in seen.remotes))


class StopsAtAThousand(MemoryBoard):
    def snapshot(self) -> Snapshot:
        seen = super().snapshot()
        return replace(seen, remotes=seen.remotes[-1000:])


class SeesNothingNew(MemoryBoard):
    def newest(self) -> Sequence[Remote]:
        return []


class _TranslatesEverywhere(_Translates):
    def merge_children(self, remote: Remote, children: Children) -> None:
        try:
            super().merge_children(remote, children)
        except self.came as error:
            raise self.told(error.why) from error


class HidesRefusals(_TranslatesEverywhere):
    came, told = RequestRefused, Unavailable


class HidesLostRightsEverywhere(_TranslatesEverywhere):
    came, told = NotAuthorised, Unavailable


class HidesTheBudgetEverywhere(_TranslatesEverywhere):
    came, told = BudgetReached, Unavailable


class SaysItAgain(MemoryBoard):
    def _say(self, item: MemoryItem, text: str) -> None:
        self.world.write(lambda: item.comments.extend([text, text]))


BROKEN_RUNS: Mapping[str, Callable[[MemoryWorld], Board]] = {
    "second_run_writes_nothing": Shouts,
    "odd_texts_are_settled": EscapesMarkup,
    "long_texts_are_settled": CutsQuietly,
    "edits_survive": RestoresTitles,
    "conflicts_follow_the_rules": ShowsBodiesAsWritten,
    "one_refusal_stops_nothing_else": HidesRefusals,
    "lost_answers_make_no_second_item": SeesNothingNew,
    "late_duplicates_are_put_away": NeverArchives,
    "copies_are_told_and_left_alone": WritesToNamesakes,
    "foreign_items_are_left_alone": MarksNothing,
    "what_people_put_away_stays_away": ShowsTheArchiveAsOpen,
    "ended_items_are_archived_and_revived": CompletesWhatItRevives,
    "renamed_lists_keep_their_items": KnowsOneList,
    "removed_lists_are_made_again": KnowsOneList,
    "lost_rights_stop_and_go_on": HidesLostRightsEverywhere,
    "budget_stops_and_goes_on": HidesTheBudgetEverywhere,
    "reached_limits_refuse_the_whole_plan": CountsNothing,
    "lost_state_is_rebuilt_from_the_board": MarksNothing,
    "adopted_items_become_ours": LeavesTheMarkerOff,
    "moved_dates_move_what_is_open": CannotMoveDates,
    "later_items_stand_below": PutsNewItemsOnTop,
    "dates_that_clash_stop_nothing_else": RefusesAStartAfterTheDueDate,
    "custom_fields_are_merged": ForgetsHalfAnHour,
    "what_is_said_is_said_once": SaysItAgain,
    "large_boards_are_seen_whole": StopsAtAThousand,
}

# --------------------------------------------------------------------------------------- broken sources


class _File:
    """A file of another source, which a broken one spoils."""

    def __init__(self, inner: SourceFile) -> None:
        self.inner = inner

    @property
    def name(self) -> str:
        return self.inner.name

    def digest(self) -> str:
        return self.inner.digest()

    @contextmanager
    def open(self) -> Iterator[Table]:
        with self.inner.open() as table:
            yield self.spoil(table)

    def spoil(self, table: Table) -> Table:
        return table


class _Spoilt(MemorySource):
    file: type[_File] = _File

    def files(self) -> Sequence[SourceFile]:
        return [self.file(inner) for inner in super().files()]


def _spoilt(spoil: Callable[[Table], Table]) -> type[MemorySource]:
    class File(_File):
        def spoil(self, table: Table) -> Table:
            return spoil(table)

    class Spoilt(_Spoilt):
        file = File

    return Spoilt


def _each(change: Callable[[Row], Row | None]) -> Callable[[Table], Table]:
    return lambda t: replace(t, rows=(new for row in t.rows if (new := change(row)) is not None))


class TurnsRound(MemorySource):
    """Gives the rows in another order when it has been asked often."""

    asked = 0

    def files(self) -> Sequence[SourceFile]:
        self.asked += 1
        if self.asked > 3:
            self._files = {name: [rows[0], *rows[:0:-1]] for name, rows in self._files.items()}
        return super().files()


class DigestOfTheSize(_Spoilt):
    class file(_File):  # noqa: N801
        def digest(self) -> str:
            with self.inner.open() as table:
                return str(sum(len(cell) for row in table.rows for cell in row.cells))


class EmptyIsNothing(MemorySource):
    def files(self) -> Sequence[SourceFile]:
        if not any(self._files.values()):
            raise SourceError("there is nothing.") if not self._files else RequestRefused("there is nothing.")
        return super().files()


class MissingIsNothing(MemorySource):
    def files(self) -> Sequence[SourceFile]:
        return super().files() if self._files else []


class LeavesALockFile(MemorySource):
    def files(self) -> Sequence[SourceFile]:
        found = [file for file in super().files() if file.name != "~lock"]
        assert isinstance(self._files, dict)
        self._files["~lock"] = []
        return found


def _with_blank_rows(table: Table) -> Table:
    def rows() -> Iterator[Row]:
        last = table.header_line
        for row in table.rows:
            yield from (Row(line, [""] * len(table.header)) for line in range(last + 1, row.line))
            last = row.line
            yield row

    return replace(table, rows=rows())


BROKEN_SOURCES: Mapping[str, type[MemorySource]] = {
    "same_content_same_rows": TurnsRound,
    "header_is_told": _spoilt(lambda t: replace(t, header=[cell.title() for cell in t.header])),
    "columns_are_told_apart": _spoilt(lambda t: replace(t, header=[cell.partition("#")[0] for cell in t.header])),
    "lines_are_of_the_file": _spoilt(_each(lambda r: r._replace(line=r.line - 1))),
    "cells_are_verbatim": _spoilt(_each(lambda r: r._replace(cells=[cell.strip() for cell in r.cells]))),
    "rows_stream": _spoilt(lambda t: replace(t, rows=iter(list(t.rows)))),
    "digest_follows_content": DigestOfTheSize,
    "faults_are_rows": _spoilt(_each(lambda r: None if r.fault else r)),
    "short_rows_are_filled": _spoilt(
        _each(lambda r: r._replace(cells=[c for i, c in enumerate(r.cells) if c or i == 0]))
    ),
    "blank_rows_are_no_rows": _spoilt(_with_blank_rows),
    "empty_is_told": EmptyIsNothing,
    "missing_is_told": MissingIsNothing,
    "reading_changes_nothing": LeavesALockFile,
}

# ------------------------------------------------------------------------------------ broken publishers


class LosesKickoffs(MemoryPublisher):
    def publish(self, view: View) -> bool:
        return super().publish(replace(view, rows=[row for row in view.rows if row["title"] != "Kickoff"]))


class PublishesAgain(MemoryPublisher):
    def publish(self, view: View) -> bool:
        self._texts.append("again")
        return super().publish(view)


class Appends(MemoryPublisher):
    def publish(self, view: View) -> bool:
        before = self._texts[-1] if self._texts else ""
        new = super().publish(view)
        if new and view.rows:
            self._texts[-1] = before + self._texts[-1]
        return new


class KeepsTheLastRows(MemoryPublisher):
    def publish(self, view: View) -> bool:
        return bool(view.rows) and super().publish(view)


BROKEN_PUBLISHERS: Mapping[str, type[MemoryPublisher]] = {
    "views_are_published": LosesKickoffs,
    "same_view_is_published_once": PublishesAgain,
    "changed_view_is_published": Appends,
    "empty_view_is_published": KeepsTheLastRows,
}

# ----------------------------------------------------------------------------------------------- tests


class BareBoard(_Claims):
    """A tool without start dates, labels, checklists, members, custom fields and comments, which says so."""

    claim = Capabilities(start=False, labels=False, checklist=False, assignees=0, due_time=False)

    def _apply(self, item: MemoryItem, patch: Patch) -> None:
        super()._apply(item, patch)
        item.start, item.assignees, item.labels, item.followers = None, [], [], []
        item.due = item.due.date() if isinstance(item.due, datetime) else item.due

    def merge_children(self, remote: Remote, children: Children) -> None:
        """There is nothing to add to."""


class LabelledBoard(_Claims):
    """A tool that has labels and no checklists."""

    claim = Capabilities(checklist=False)

    def merge_children(self, remote: Remote, children: Children) -> None:
        super().merge_children(remote, replace(children, add_checks=(), remove_checks=()))


def test_the_reference_implementations_keep_the_contract() -> None:
    check_board(MemoryLab)
    check_runs(MemoryLab)
    check_source(MemorySourceLab)
    check_publisher(MemoryPublisherLab)


def test_a_board_that_can_do_little_and_says_so_keeps_the_contract() -> None:
    check_board(lambda: MemoryLab(BareBoard))
    check_runs(lambda: MemoryLab(BareBoard))


def test_what_a_board_has_is_held_to_the_contract_although_it_lacks_something_else() -> None:
    check_board(lambda: MemoryLab(LabelledBoard))

    class RemovesLabelsInAnyCase(LabelledBoard):
        def _remove_label(self, item: MemoryItem, name: str) -> None:
            item.labels = [label for label in item.labels if label.lower() != name.lower()]

    assert set(failures(BOARD_CHECKS, lambda: MemoryLab(RemovesLabelsInAnyCase))) == {"children_are_removed"}


class OtherBoard(RefusesAStartAfterTheDueDate, _Claims):
    """A tool that archives by completing, keeps names unique, puts what is new on top, and starts nothing endless."""

    claim = Capabilities(
        start_alone=False,
        start_after_due=False,
        unique=True,
        archive="completed",
        new_items="top",
        fields="with_item",
        followers=True,
    )

    def merge(self, patch: Patch) -> Remote:
        if patch.fields.get("start") and patch.id is None and not patch.fields.get("due"):
            raise RequestRefused("a start date needs a due date.")
        return super().merge(patch)


def test_a_board_of_the_other_kind_keeps_the_contract() -> None:
    check_board(lambda: MemoryLab(OtherBoard))
    check_runs(lambda: MemoryLab(OtherBoard))


def test_a_board_that_can_do_little_and_claims_more_is_found_out() -> None:
    class Boastful(BareBoard):
        claim = Capabilities(fields="one_by_one", followers=True, comments=True)

    found = failures(CAPABILITY_CHECKS, lambda: MemoryLab(Boastful))
    lacking = {"start", "start_alone", "start_after_due", "labels", "checklist", "assignees", "due_time"}
    assert set(found) == lacking | {"fields", "followers", "comments"}


def test_every_capability_has_a_check_that_belongs_to_the_suite() -> None:
    assert set(CAPABILITY_CHECKS) == {field.name for field in dataclasses.fields(Capabilities)}
    assert {check.__name__ for check in CAPABILITY_CHECKS.values()} <= set(BOARD_CHECKS)


def test_every_check_has_a_connector_that_breaks_it_and_says_which_clause_it_proves() -> None:
    for checks, broken in (
        (BOARD_CHECKS, BROKEN_BOARDS),
        (RUN_CHECKS, BROKEN_RUNS),
        (SOURCE_CHECKS, BROKEN_SOURCES),
        (PUBLISHER_CHECKS, BROKEN_PUBLISHERS),
    ):
        assert set(checks) == set(broken)
        assert all(check.__doc__ for check in checks.values())


@pytest.mark.parametrize("name", BROKEN_BOARDS)
def test_a_broken_board_fails_its_check_and_no_other(name: str) -> None:
    assert set(failures(BOARD_CHECKS, lambda: MemoryLab(BROKEN_BOARDS[name]))) == {name}


@pytest.mark.parametrize("name", BROKEN_RUNS)
def test_runs_on_a_broken_board_fail_their_check(name: str) -> None:
    checks = {name: RUN_CHECKS[name]}
    assert set(failures(checks, lambda: Engine(MemoryLab(BROKEN_RUNS[name])))) == {name}


@pytest.mark.parametrize("name", BROKEN_SOURCES)
def test_a_broken_source_fails_its_check_and_no_other(name: str) -> None:
    assert set(failures(SOURCE_CHECKS, lambda: MemorySourceLab(BROKEN_SOURCES[name]))) == {name}


@pytest.mark.parametrize("name", BROKEN_PUBLISHERS)
def test_a_broken_publisher_fails_its_check_and_no_other(name: str) -> None:
    assert set(failures(PUBLISHER_CHECKS, lambda: MemoryPublisherLab(BROKEN_PUBLISHERS[name]))) == {name}


def test_the_report_names_check_clause_and_finding() -> None:
    with pytest.raises(AssertionError, match=r"notes_are_lines: `notes` are for people.* But: .*one line of text"):
        check_board(lambda: MemoryLab(WritesEssays))


def test_a_late_request_takes_effect_when_its_time_has_come() -> None:
    lab = MemoryLab()
    board = lab.open()
    lab.fault(Fault.LATE)
    with pytest.raises(OutcomeUnknown):
        board.merge(Patch(None, "1.late", "", {"title": "Late"}))
    assert board.newest() == []
    lab.clock.advance(lab.world.late_by.total_seconds())
    assert [r.marker for r in board.newest()] == ["1.late"]


def test_an_unreachable_world_takes_no_effect() -> None:
    lab = MemoryLab()
    lab.fault(Fault.UNAVAILABLE)
    with pytest.raises(Unavailable):
        lab.open().merge(Patch(None, "1.x", "", {"title": "Never"}))
    assert lab.items() == 0


def test_a_persons_copy_keeps_the_marker_and_shares_nothing_else() -> None:
    world = MemoryWorld()
    hand = MemoryHand(world)
    made = MemoryBoard(world).merge(Patch(None, "1.x", "text", {"title": "One", "labels": ("a",)}))
    copied = hand.copy(made.id)
    hand.add_label(copied, "b")
    assert [(i.remote().marker, i.labels) for i in world.items.values()] == [("1.x", ["a"]), ("1.x", ["a", "b"])]
