"""Commands say which database they worked on."""

from click.testing import CliRunner

from cli.main import main
from tests.conftest import quick_place
from tests.support.embedded import data_folder


def test_a_command_says_which_database_it_read_where_no_pipe_sees_it() -> None:
    with data_folder(quick_place()) as folder:
        runner = CliRunner(env={"DATA_DIR": str(folder), "DATABASE_URL": ""})
        assert runner.invoke(main, ["db", "init"]).exit_code == 0
        said = runner.invoke(main, ["events", "stats", "--json"])
        assert (said.exit_code, said.stdout.count("\n")) == (0, 1)
        assert said.stderr == f"database: {folder.resolve()}\n"
