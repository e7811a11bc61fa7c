"""A Zstandard encoder in compiled code for what this project stores: images made of cells.

It writes the format of RFC 8878, which any Zstandard decoder reads. It knows
where such images repeat, which general encoders search for, and that is why
it is faster.
"""
