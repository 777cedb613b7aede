"""Somebody who registered at a plane, with a workspace of their own."""

from secrets import token_hex

import httpx

from tests.system.planes import Api, Plane


class Guest(Api):
    """The native API with the token of a new account."""

    def __init__(self, plane: Plane, name: str) -> None:
        self.plane = plane
        password = token_hex(16)
        with httpx.Client(base_url=f"http://{plane.http}", timeout=30) as session:
            email = f"{name}-{token_hex(4)}@example.com"
            joined = session.post("/auth/register", json={"email": email, "password": password})
            assert joined.status_code == 201, joined.text
            self.tenant = joined.json()["memberships"][0]["tenantId"]
            made = session.post(
                "/account/api-tokens", json={"name": "a test"}, headers={"Origin": f"http://{plane.http}"}
            )
            assert made.status_code == 201, made.text
        self.client = httpx.Client(
            base_url=f"http://{plane.http}/tenants/{self.tenant}",
            headers={"Authorization": f"Bearer {made.json()['token']}"},
            timeout=30,
        )
