"""What pages have many of, as HTML. Made here and not by templates, which take several times as long.

What people typed or chose goes through `escape`.
"""
