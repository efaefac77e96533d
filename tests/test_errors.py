"""The tree of errors."""

import inspect
import pickle
import queue

import pytest

from kit import errors

CLASSES = [
    item for _, item in inspect.getmembers(errors, inspect.isclass) if issubclass(item, errors.KitError)
]


@pytest.mark.parametrize("kind", CLASSES)
def test_error_reads_as_what_value_remedy_and_survives_pickling(kind):
    """Every error says what failed, with which value and what to do, also after crossing a process."""
    error = pickle.loads(pickle.dumps(kind("It failed", 5, "Do this.")))
    assert type(error) is kind
    assert str(error) == "It failed: 5. Do this."
    assert (error.what, error.value, error.remedy) == ("It failed", 5, "Do this.")


def test_broker_error_keeps_code_and_status_across_processes():
    """A broker error keeps the broker's code and the HTTP status."""
    error = pickle.loads(pickle.dumps(errors.Rejected("No", None, "Stop.", code="AB1009", status=200)))
    assert (error.code, error.status) == ("AB1009", 200)


def test_task_error_keeps_the_workers_traceback():
    """A failed task carries the worker's traceback to the caller."""
    error = pickle.loads(pickle.dumps(errors.TaskFailed("No", traceback="line 3")))
    assert error.traceback == "line 3"


def test_docstring_draws_every_class():
    """The tree in the module's docstring names every error and warning."""
    drawn = errors.__doc__
    named = [
        name
        for name, item in vars(errors).items()
        if inspect.isclass(item) and item.__module__ == "kit.errors"
    ]
    assert [name for name in named if name not in drawn] == []


@pytest.mark.parametrize(
    ("kind", "standard"),
    [
        (errors.SettingsError, ValueError),
        (errors.DataError, ValueError),
        (errors.UnknownExpiry, LookupError),
        (errors.UnknownStrategy, KeyError),
        (errors.NeverSent, ConnectionError),
        (errors.CircuitOpen, ConnectionError),
        (errors.PoolExhausted, TimeoutError),
        (errors.TaskTimeout, TimeoutError),
        (errors.QueueFull, queue.Full),
    ],
)
def test_the_standard_class_catches(kind, standard):
    """Who catches the standard class of such a failure also catches the kit's."""
    with pytest.raises(standard):
        raise kind("It failed", 5, "Do this.")
