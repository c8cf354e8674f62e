"""The files of messages."""

from api.attachments.file_check import FileCheck
from api.attachments.folder import Folder
from api.attachments.moved_files import MovedFiles
from api.attachments.storage import Storage
from api.attachments.uploads import Uploads
from api.settings import Settings
from postgres.database import Database


def create_file_storage(settings: Settings) -> Storage:
    """Where the bytes of the files of messages are."""
    if not settings.attachments_bucket:
        return Folder(settings.attachments_folder)
    from api.attachments.object_store import ObjectStore  # the library takes 30 MB: not where files are in a folder

    return ObjectStore(
        settings.attachments_bucket,
        endpoint=settings.aws_endpoint_url,
        region=settings.aws_region,
        access_key_id=settings.aws_access_key_id,
        secret_access_key=settings.aws_secret_access_key,
    )


def create_moved_files(settings: Settings, database: Database) -> MovedFiles:
    """Files of messages that go with the log, for export and import."""
    return MovedFiles(database, create_file_storage(settings))


def create_file_check(settings: Settings, database: Database) -> FileCheck:
    """Compares the files of messages with the log."""
    return FileCheck(database, create_file_storage(settings))


def create_uploads(settings: Settings, database: Database) -> Uploads:
    """The files of messages."""
    storage = create_file_storage(settings)
    return Uploads(database, storage, limit=settings.attachment_limit, day_limit=settings.attachments_per_day)
