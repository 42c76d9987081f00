"""The change request of each deployment under way, as it was handed in.

    deployments/<id>.json

It may hold a secret's plain value, so it is a private file beside the backups, as the book's are,
and no row of the database. It is forgotten once nothing more of it can be written.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from homeamp_agent.changes.disk import Disk
from homeamp_agent.changes.errors import RequestError
from homeamp_agent.changes.state import StateFolder
from homeamp_agent.model.request import RequestedChange

FOLDER = "deployments"
SUFFIX = ".json"


class DeploymentRequests:
    """The requests of one state folder. Every method blocks."""

    def __init__(self, state: Path, disk: Disk | None = None) -> None:
        self._folder = StateFolder(state, disk or Disk()).below(FOLDER)

    def keep(self, deployment_id: str, request: RequestedChange) -> None:
        """Keep the request; on the medium when this returns.

        Raises:
            OSError: it could not be written.
        """
        self._folder.write(deployment_id + SUFFIX, request.model_dump_json().encode())

    def get(self, deployment_id: str) -> RequestedChange:
        """The request of a deployment.

        Raises:
            RequestError: it is not there, or damaged; its text holds no value.
        """
        try:
            data = self._folder.read(deployment_id + SUFFIX)
            return RequestedChange.model_validate_json(data)
        except OSError as error:
            why = f"cannot be read: {error.strerror}"
        except ValidationError:
            why = "is damaged"
        raise RequestError([f"the request of {deployment_id} in the state folder {why}"])

    def forget(self, deployment_id: str) -> None:
        """Remove the request, if it is there.

        Raises:
            OSError: it could not be removed.
        """
        self._folder.remove(deployment_id + SUFFIX)

    def known(self) -> frozenset[str]:
        """The deployments whose request is kept."""
        names = self._folder.names()
        return frozenset(each.removesuffix(SUFFIX) for each in names if each.endswith(SUFFIX))
