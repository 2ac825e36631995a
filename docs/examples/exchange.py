"""A person's own token for an upstream. Needs: pip install "pyjwt[crypto]" requests"""

import time
import uuid

import jwt
import requests


class ConsentNeeded(Exception):
    """The person must open `link`; `interaction_id` tells how it stands."""

    def __init__(self, link: str, interaction_id: str, interval: int):
        super().__init__("a person has to agree first")
        self.link, self.interaction_id, self.interval = link, interaction_id, interval


class Service:
    def __init__(self, vault: str, client: str, private_key: str, key_id: str):
        self.vault, self.client, self.private_key, self.key_id = vault, client, private_key, key_id

    def assertion(self) -> str:
        """RFC 7523 section 3; one may be used again while it lives."""
        now = int(time.time())
        claims = {
            "iss": self.client,
            "sub": self.client,
            "aud": self.vault,
            "iat": now,
            "exp": now + 60,
            "jti": str(uuid.uuid4()),
        }
        headers = {"kid": self.key_id}
        return jwt.encode(claims, self.private_key, algorithm="ES256", headers=headers)

    def upstream_token(self, subject_token: str, upstream: str) -> str:
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": self.assertion(),
            "subject_token": subject_token,
            "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "audience": upstream,
        }
        response = requests.post(f"{self.vault}/oauth2/token", data=form, timeout=30)
        answer = response.json()
        if response.ok:
            return answer["access_token"]
        if answer["error"] == "interaction_required" and "interaction_uri" in answer:
            raise ConsentNeeded(
                answer["interaction_uri"], answer["interaction_id"], answer["interval"]
            )
        raise RuntimeError(f"{answer['error']}: {answer.get('error_description', '')}")

    def wait(self, needed: ConsentNeeded) -> str:
        """completed, declined or expired"""
        while True:
            response = requests.get(
                f"{self.vault}/interactions/{needed.interaction_id}",
                headers={"authorization": f"Bearer {self.assertion()}"},
                timeout=30,
            )
            status = response.json()["status"]
            if status != "pending":
                return status
            time.sleep(needed.interval)
