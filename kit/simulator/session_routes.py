"""Login, token refresh, logout, profile and funds."""

from __future__ import annotations

from kit.simulator.answers import Refused, Reply, application_error, success
from kit.simulator.desk import Call, Desk, Route

_SECURE = "/rest/secure/angelbroking/user/v1"


def login(desk: Desk, call: Call) -> Reply:
    """Open a session with client code, PIN and one-time password; echo ``state``."""
    if not all(call.text(key) for key in ("clientcode", "password", "totp")):
        raise Refused(application_error("AB1000"))
    data = desk.account.login(call.text("clientcode"), call.text("password"), call.text("totp"))
    return success({**data, "state": call.body.get("state")})


def refresh(desk: Desk, call: Call) -> Reply:
    """Exchange a refresh token for new tokens."""
    return success(desk.account.refresh(call.text("refreshToken")))


def logout(desk: Desk, call: Call) -> Reply:
    """End the session."""
    desk.account.logout(call.jwt)
    return success("Logout Successfully")


def profile(desk: Desk, call: Call) -> Reply:  # noqa: ARG001 - the form of every route
    """Return who is logged in."""
    return success(
        {
            "clientcode": desk.account.client_code,
            "name": "SIMULATED CLIENT",
            "email": "",
            "mobileno": "",
            "exchanges": ["nse_fo", "nse_cm"],
            "products": ["MARGIN", "MIS", "NRML", "CNC", "CO", "BO"],
            "lastlogintime": desk.account.last_login,
            "broker": "",
        }
    )


def funds(desk: Desk, call: Call) -> Reply:  # noqa: ARG001 - the form of every route
    """Return the funds: decimal text, or null where there is nothing."""
    zero, none = "0.00", None
    return success(
        {
            "net": "100000.00",
            "availablecash": "100000.00",
            "availableintradaypayin": zero,
            "availablelimitmargin": zero,
            "collateral": zero,
            "m2munrealized": zero,
            "m2mrealized": zero,
            "utiliseddebits": zero,
            "utilisedspan": none,
            "utilisedoptionpremium": none,
            "utilisedholdingsales": none,
            "utilisedexposure": none,
            "utilisedturnover": none,
            "utilisedpayout": zero,
        }
    )


ROUTES = (
    Route("POST", "/rest/auth/angelbroking/user/v1/loginByPassword", login, is_open=True),
    Route("POST", "/rest/auth/angelbroking/jwt/v1/generateTokens", refresh, is_open=True),
    Route("POST", f"{_SECURE}/logout", logout),
    Route("GET", f"{_SECURE}/getProfile", profile),
    Route("GET", f"{_SECURE}/getRMS", funds),
)
