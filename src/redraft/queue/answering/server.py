"""Another server in the place of the answering process: anything that speaks OpenAI's protocol, such as vLLM.

Its address is the operator's: REDRAFT_ANSWERS=http://host:port/v1, and REDRAFT_ANSWERS_KEY where it wants a key,
which goes to that server alone. No request names an address, and redirects are not followed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import httpx2

from redraft.core.errors import NotFound, UsageError, WorkerLost

ADDRESS, KEY = "REDRAFT_ANSWERS", "REDRAFT_ANSWERS_KEY"
TIMEOUT = 600.0
"""Seconds between two pieces of an answer."""


@dataclass(frozen=True)
class AnswerServer:
    """url ends where /chat/completions begins."""

    url: str
    key: str = field(default="", repr=False)

    @classmethod
    def from_environment(cls) -> AnswerServer | None:
        """The operator's; None where there is none. A UsageError for what is no address."""
        url = os.environ.get(ADDRESS, "").rstrip("/")
        if not url:
            return None
        try:
            read = httpx2.URL(url)
        except httpx2.InvalidURL:
            read = httpx2.URL("")
        if read.scheme not in ("http", "https") or not read.host or read.fragment or read.userinfo:
            raise UsageError(
                "this is no address of a server",
                where=ADDRESS,
                remedy=f"Write http://host:port/v1; a key goes into {KEY}",
            )
        return cls(url, os.environ.get(KEY, ""))

    def client(self) -> httpx2.AsyncClient:
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        return httpx2.AsyncClient(
            base_url=self.url,
            headers=headers,
            timeout=httpx2.Timeout(TIMEOUT, connect=10.0),
            follow_redirects=False,
            trust_env=False,
        )

    async def models(self, client: httpx2.AsyncClient) -> list[dict[str, Any]]:
        """As it lists them. WorkerLost where it cannot be reached or answers something else."""
        try:
            answer = await client.get("/models", timeout=30.0)
            listed = answer.json()["data"] if answer.status_code == 200 else None
        except (httpx2.TransportError, ValueError, KeyError, TypeError):
            listed = None
        if not isinstance(listed, list):
            raise self.lost()
        return [one for one in listed if isinstance(one, dict) and isinstance(one.get("id"), str)]

    async def name(self, client: httpx2.AsyncClient, wanted: str) -> str:
        """The server's name of a model. Where a task's default is wanted and the server has one model, it is that
        one. NotFound where it has no such model."""
        names = [one["id"] for one in await self.models(client)]
        if wanted in names:
            return wanted
        if wanted.startswith("default/") and len(names) == 1:
            return str(names[0])
        raise NotFound(
            "the server that answers has no model of that name",
            where=wanted[:100],
            remedy="GET /v1/models lists those that can answer",
        )

    def lost(self) -> WorkerLost:
        return WorkerLost(
            "the server that answers gives no answer",
            where=ADDRESS,
            remedy="Try again, or ask who runs it to look whether it is up",
        )
