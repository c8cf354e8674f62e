"""The law of a live page, end to end: what was loaded + publications since == what a freshly started client shows.

The client library with the real centrifuge-js, against `onrecord serve` and a real-time server that soon forgets, with
a relay between them that loses, repeats and swaps publications.
"""
