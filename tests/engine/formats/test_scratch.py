from __future__ import annotations

import sqlite3

import pytest

from nfold.formats.scratch import at_once


def test_rows_are_one_transaction_also_when_one_stands_within_another() -> None:
    connection = sqlite3.connect("", isolation_level=None)
    connection.execute("create table rows (number integer)")
    with at_once(connection):
        connection.execute("insert into rows values (1)")
        with at_once(connection):
            connection.execute("insert into rows values (2)")
        assert connection.in_transaction
    assert not connection.in_transaction
    assert connection.execute("select count(*) from rows").fetchone() == (2,)


def test_an_error_leaves_no_transaction_open() -> None:
    connection = sqlite3.connect("", isolation_level=None)
    with pytest.raises(ZeroDivisionError), at_once(connection):
        raise ZeroDivisionError
    assert not connection.in_transaction
