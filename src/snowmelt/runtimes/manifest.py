"""What a backup consists of, written into it: whoever restores it can tell that nothing is missing or changed."""

import hashlib
from pathlib import Path

import msgspec

from snowmelt import __version__
from snowmelt.stores.errors import StoreError

MANIFEST = "backup.json"
"""Its file in the backup. A server that is started on the backup removes it: from then on the folder is another one."""

_PIECE = 1024**2


class Piece(msgspec.Struct, frozen=True):
    """One file of a backup.

    Args:
        size: in bytes.
        sha256: of what is in it, in hexadecimal.
    """

    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """The files of a backup, and the moment that it is of.

    Args:
        release: of Snowmelt that made it.
        made: when, ms since the epoch.
        position: the place in the event log that its profiles include.
        head: the place of the last record of its event log.
        records: how many records that has; an erasure may have left gaps between them.
        files: path below the backup -> what is there.
    """

    release: str
    made: int
    position: int
    head: int
    records: int
    files: dict[str, Piece]


def write_manifest(folder: Path, made: int, position: int, head: int, records: int) -> None:
    """Write down what is in a backup that has just been made; the arguments are those of :class:`Manifest`.

    Cost: reads all of it once.
    """
    files = {str(path.relative_to(folder)): piece(path) for path in files_of(folder)}
    manifest = Manifest(__version__, made, position, head, records, files)
    path = folder / MANIFEST
    path.touch(mode=0o600)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")


def read_manifest(folder: Path) -> Manifest:
    """What a backup says of itself.

    Raises:
        StoreError: the folder is no backup, or none any more.
    """
    path = folder / MANIFEST
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError as error:
        raise StoreError(
            f"{folder} is no backup: it has no {MANIFEST}. `snowmelt backup` makes one; a server that is started on a "
            "backup makes a data folder of it, which can be served, and backed up, but not restored"
        ) from error
    except (OSError, msgspec.DecodeError) as error:
        raise StoreError(f"{path} cannot be read: {error}. Restore another backup") from error


def files_of(folder: Path) -> list[Path]:
    """Every file below a folder but the manifest and what LMDB makes for whoever looks into a store."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.name not in (MANIFEST, "lock.mdb"))
    return sorted(found)


def piece(path: Path, copy: Path | None = None) -> Piece:
    """What is in a file, which is copied on the way if a place for it is named."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as source:
        target = copy.open("xb") if copy is not None else None
        try:
            while read := source.read(_PIECE):
                digest.update(read)
                size += len(read)
                if target is not None:
                    target.write(read)
        finally:
            if target is not None:
                target.close()
    return Piece(size, digest.hexdigest())
