from __future__ import annotations

import pickle

import pytest

import lineitem
from lineitem import FieldError
from lineitem._exceptions import api_error_class


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("invalid", 422, lineitem.InvalidInput),
        ("unauthenticated", 401, lineitem.NotSignedIn),
        ("forbidden", 403, lineitem.NotAllowed),
        ("not_found", 404, lineitem.NotFound),
        ("conflict", 409, lineitem.Conflict),
        ("cluster_not_running", 409, lineitem.ClusterNotRunning),
        ("too_large", 413, lineitem.TooLarge),
        ("unavailable", 503, lineitem.Unavailable),
        ("internal", 500, lineitem.ServerFault),
        ("name_taken", 409, lineitem.Conflict),
        ("malformed", 400, lineitem.InvalidInput),
        ("", 429, lineitem.Unavailable),
        ("", 502, lineitem.Unavailable),
        ("", 599, lineitem.ServerFault),
        ("method_not_allowed", 405, lineitem.ApiError),
    ],
)
def test_class_follows_code_then_status(code: str, status: int, kind: type[lineitem.ApiError]) -> None:
    assert api_error_class(code, status) is kind


def test_message_names_the_wrong_fields() -> None:
    fields = [FieldError(name="options.n_workers", message="Must be at most 1000.")]
    error = lineitem.InvalidInput("2 inputs are wrong. Nothing was changed.", code="invalid", fields=fields)
    assert str(error) == "2 inputs are wrong. Nothing was changed.\n  options.n_workers: Must be at most 1000."


@pytest.mark.parametrize(
    "error",
    [
        lineitem.NotFound("Gone.", code="not_found", http_status=404),
        lineitem.ServerUnreachable("No answer.", server="http://127.0.0.1:1"),
        lineitem.ClusterFailed("It failed.", cluster_id="cl_1", reason="why", logs="last words"),
        lineitem.ConfigurationError("Wrong."),
    ],
)
def test_errors_travel_by_pickle(error: lineitem.LineitemError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_all_errors_have_one_root() -> None:
    for name in lineitem.__all__:
        value = getattr(lineitem, name)
        if isinstance(value, type) and issubclass(value, Exception):
            assert issubclass(value, lineitem.LineitemError), name
