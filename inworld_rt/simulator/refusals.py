"""What the simulator answers when a request is wrong (protocol: errors)."""

from __future__ import annotations

from attrs import frozen

from inworld_rt.outcome import ErrorDetails

__all__ = ["Fault", "Refusal", "missing", "wrong_type", "wrong_value"]

REQUEST = "invalid_request_error"


@frozen
class Fault:
    """The content of an ``error`` event."""

    message: str
    code: str | None = None
    param: str | None = None
    """The path of the field that is complained about."""
    type: str = REQUEST

    def details(self, event_id: str | None = None) -> ErrorDetails:
        """The ``error`` member, for the client event of this id."""
        return ErrorDetails(
            type=self.type,
            message=self.message,
            code=self.code,
            param=self.param,
            event_id=event_id,
        )


class Refusal(Exception):
    """Ends the handling of a client event; answered with an ``error`` event."""

    def __init__(self, message: str, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.fault = Fault(message, code, param)


def missing(param: str) -> Refusal:
    """A field that the event cannot do without is not there."""
    return Refusal(f"Missing required parameter: '{param}'.", "missing_required_parameter", param)


def wrong_type(param: str, wanted: str) -> Refusal:
    """A field holds another kind of JSON value."""
    return Refusal(f"Invalid type for '{param}': expected {wanted}.", "invalid_type", param)


def wrong_value(param: str, wanted: str) -> Refusal:
    """A field holds the right kind of value, but not one that is offered."""
    return Refusal(f"Invalid value for '{param}': expected {wanted}.", "invalid_value", param)
