"""Places, and when two accesses of them meet."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.verify.effects.access import FILES, KEYS, Access, Location, conflict, key_of, outermost, store_of, told

STORE: Location = (("", "STORE"),)
A: Location = (*STORE, ("[", "a"))
SIZE: Location = (*A, (".", "size"))

places = st.sampled_from([STORE, A, SIZE, (*STORE, KEYS), (*STORE, ("[", "b")), (("", "LOG"),)])
accesses = st.builds(Access, st.sampled_from(["r", "w", "add"]), places, st.booleans())


@given(accesses, accesses)
def test_meeting_is_mutual(left: Access, right: Access):
    assert conflict(left, right) == conflict(right, left)


@given(accesses)
def test_a_write_meets_itself_and_a_read_does_not(access: Access):
    assert conflict(access, access) == (access.kind == "w")


def test_a_write_of_an_item_meets_reads_inside_it_and_only_those():
    write = Access("w", A, below=True)
    assert conflict(write, Access("r", SIZE))
    assert not conflict(write, Access("r", (*STORE, ("[", "b"))))
    assert not conflict(Access("w", SIZE, below=True), Access("r", A))  # which object it is, not what is in it


def test_two_calls_may_add_items_but_not_while_a_third_goes_through_them():
    adds, reads = Access("add", (*STORE, KEYS)), Access("r", (*STORE, KEYS))
    assert not conflict(adds, adds)
    assert conflict(adds, reads)


@given(st.lists(accesses))
def test_what_another_access_covers_is_left_out(seen: list[Access]):
    kept = outermost(seen)
    assert set(kept) <= set(seen)
    for access in seen:
        covers = [k for k in kept if k.kind == access.kind and k.where == access.where[: len(k.where)]]
        assert any(k == access or k.below for k in covers)


def test_places_are_told_as_they_are_written():
    assert told(SIZE) == "STORE['a'].size"
    assert told((*STORE, KEYS)) == "the keys of STORE"
    assert told((("", "LOG"), ("#", 2))) == "LOG[2]"
    assert told((*FILES, ("/", "d"), ("/", "a.txt"))) == "file 'd/a.txt'"
    assert (
        told((*FILES, ("/", "shop.db"), ("table", "orders"), ("row", 3))) == "row 3 of table 'orders' of file 'shop.db'"
    )
    assert told((*FILES, KEYS)) == "the names in folder '.'"


def test_each_place_is_an_item_of_a_store():
    assert (store_of(SIZE), key_of(SIZE)) == (STORE, "a")
    assert (store_of(STORE), key_of(STORE)) == (STORE, None)
    assert key_of((*STORE, KEYS)) is None
    assert key_of((("", "LOG"), ("#", 2))) is None  # where something stands in a list is no name
    file: Location = (*FILES, ("/", "d"), ("/", "a.txt"))
    assert (store_of(file), key_of(file)) == (FILES, "d/a.txt")
    row: Location = (*FILES, ("/", "shop.db"), ("table", "orders"), ("row", 3))
    assert (store_of(row), key_of(row)) == (row[:-1], 3)
