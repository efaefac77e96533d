"""The broker's ways of answering: one envelope for success, two dialects and two bare texts for failure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

JSON, TEXT, HTML = "application/json", "text/plain", "text/html"

RATE_TEXT = "Access denied because of exceeding access rate"

# Source: the broker's page of error codes; AB1050 and AB1021 were observed, AG8004 is an assumption.
MESSAGES = {
    "AG8001": "Invalid Token",
    "AG8002": "Token Expired",
    "AG8003": "Token missing",
    "AG7002": "Unregistered IP",
    "AG8004": "Invalid API Key",
    "AB1000": "Invalid Email Or Password",
    "AB1004": "Something Went Wrong, Please Try After Sometime",
    "AB1006": "Client is blocked for trading",
    "AB1007": "Login Id or password is invalid",
    "AB1009": "Symbol Not Found",
    "AB1008": "Invalid Order Variety",
    "AB1012": "Invalid Product Type",
    "AB1013": "Order not found",
    "AB1017": "Position conversion failed",
    "AB1018": "Failed to get symbol details",
    "AB1021": "Too many requests",
    "AB1050": "Invalid totp and client combination",
    "AB2001": "Internal Error, Please try after sometime",
    "AB2002": "ROBO order is block",
    "AB4006": "Invalid symboltoken",
    "AB4008": "ordertag length should be less than 20 characters",
    "AB4018": "Symbol token cannot be empty",
    "AB8050": "Invalid Refresh Token",
    "AB8051": "Refresh Token Expired",
    "AB9000": "Internal Server Error",
    "AB9004": "Invalid Status Array Size",
    "AB9006": "Invalid Order Quantity",
    "AB9007": "Invalid Disclosed Quantity",
    "AB9008": "Invalid Price",
    "AB9009": "Invalid Trigger Price",
    "AB9010": "Invalid Exchange Segment",
    "AB9011": "Invalid Symbol Token",
    "AB9012": "Invalid Trading Symbol",
    "AB9013": "Invalid Rule ID",
    "AB9014": "Invalid Order Side",
    "AB9015": "Invalid Product Type",
    "AB9017": "Invalid Page Value",
    "AB9018": "Invalid Count Value",
    "AB9019": "No Data Available",
    "AG2001": "Something went wrong. Please try again",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer.

    Parameters
    ----------
    status : int
        HTTP status.
    body : bytes
        What is sent.
    media : str
        Content type; empty sends none.
    headers : tuple of (str, str)
        More headers.
    """

    status: int
    body: bytes
    media: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


class Refused(Exception):
    """A handler or a check declines the request; carries the answer.

    Parameters
    ----------
    reply : Answer
        What the caller is told.
    """

    def __init__(self, reply: Answer) -> None:
        super().__init__(reply.status)
        self.reply = reply


def encoded(content: Any, status: int = 200) -> Answer:
    """Return any content as compact JSON."""
    return Answer(status, json.dumps(content, separators=(",", ":")).encode())


def success(data: Any) -> Answer:
    """Return the application's envelope around `data`."""
    return encoded({"status": True, "message": "SUCCESS", "errorcode": "", "data": data})


def application_error(code: str, message: str = "") -> Answer:
    """Return the application's refusal: HTTP 200 and ``status: false``."""
    said = message or MESSAGES[code]
    return encoded({"status": False, "message": said, "errorcode": code, "data": None})


def gateway_error(code: str) -> Answer:
    """Return the gateway's refusal: HTTP 200, ``success: false`` and another spelling of the keys."""
    return encoded({"success": False, "message": MESSAGES[code], "errorCode": code, "data": ""})


def bad_request() -> Answer:
    """Return what a request that makes no sense gets: HTTP 400 without a body."""
    return Answer(400, b"", "")


def not_found(path: str) -> Answer:
    """Return what an unknown path gets: a failure in the body too, for clients that look at nothing else."""
    return encoded(
        {"status": False, "message": "Not Found", "errorcode": "", "data": None, "path": path[:200]}, 404
    )


def stream_refusal(what: str) -> Answer:
    """Return what a handshake of the stream gets whose header `what` is wrong."""
    return Answer(401, b"", "", (("x-error-message", f"Invalid Header - Invalid {what}"),))


def rate_refusal(form: str) -> Answer:
    """Return a rate refusal in one of the forms that were seen.

    Parameters
    ----------
    form : {"text", "json", "429"}
        HTTP 403 in plain text (the usual one), AB1021 as JSON, or HTTP 429.
    """
    if form == "json":
        return application_error("AB1021")
    return Answer(429 if form == "429" else 403, RATE_TEXT.encode(), TEXT)
