"""Login, token refresh, logout and profile."""

from __future__ import annotations

from kit.simulator.answers import Answer, Refused, application_error, success
from kit.simulator.state import ApiRequest, ApiRoute, ExchangeState

_SECURE = "/rest/secure/angelbroking/user/v1"


def login(state: ExchangeState, asked: ApiRequest) -> Answer:
    """Open a session with client code, PIN and one-time password; echo ``state``."""
    if not all(asked.text(key) for key in ("clientcode", "password", "totp")):
        raise Refused(application_error("AB1000"))
    data = state.account.login(asked.text("clientcode"), asked.text("password"), asked.text("totp"))
    return success({**data, "state": asked.body.get("state")})


def refresh(state: ExchangeState, asked: ApiRequest) -> Answer:
    """Exchange a refresh token for new tokens."""
    return success(state.account.refresh(asked.text("refreshToken")))


def logout(state: ExchangeState, asked: ApiRequest) -> Answer:
    """End the session."""
    state.account.logout(asked.jwt)
    return success("Logout Successfully")


def profile(state: ExchangeState, asked: ApiRequest) -> Answer:  # noqa: ARG001 - the form of every route
    """Return who is logged in."""
    return success(
        {
            "clientcode": state.account.client_code,
            "name": "SIMULATED CLIENT",
            "email": "",
            "mobileno": "",
            "exchanges": ["nse_fo", "nse_cm", "cde_fo", "ncx_fo", "bse_fo", "bse_cm", "mcx_fo"],
            "products": ["MARGIN", "MIS", "NRML", "CNC", "CO", "BO"],
            "lastlogintime": state.account.last_login,
            "broker": "",
        }
    )


ROUTES = (
    ApiRoute("POST", "/rest/auth/angelbroking/user/v1/loginByPassword", login, is_open=True),
    ApiRoute("POST", "/rest/auth/angelbroking/jwt/v1/generateTokens", refresh, is_open=True),
    ApiRoute("POST", f"{_SECURE}/logout", logout),
    ApiRoute("GET", f"{_SECURE}/getProfile", profile),
)
