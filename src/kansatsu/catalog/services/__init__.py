"""The tables of single services: a module per service that AWS documents otherwise than the general rule would guess.

Each holds one `RULES` (kansatsu.catalog.rules) and is imported when the first request for its service comes.
"""
