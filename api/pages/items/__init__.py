"""What pages have many of, as HTML. Made here and not by templates, which take several times as long.

What people typed or chose goes through `attribute` or `escaped`. Parts are plain strings: Markup is what templates are
given, and costs several times as much to put together.
"""
