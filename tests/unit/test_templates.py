"""What templates refer to is there."""

import re

from api.files import TEMPLATES
from api.http.files.static_files import static_files

STATIC = re.compile(r"""static\(['"]([^'"]+)['"]\)""")


def test_every_static_file_that_a_template_names_is_served() -> None:
    files = static_files()
    named = {name for template in TEMPLATES.glob("*.html") for name in STATIC.findall(template.read_text())}
    assert {name for name in named if not files.url(name).startswith("/static/")} == set()
    assert len(named) > 10
