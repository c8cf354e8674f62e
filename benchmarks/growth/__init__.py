"""(k) What grows with the log. Each log has a database and a service of its own, and they are asked in turns.

Ada has as many rooms and as full pages in all of them, so what is answered is of the same size. Ratios are of processor
time, of the service and of its PostgreSQL together.
"""
