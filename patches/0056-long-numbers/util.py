# replaces statement: 11fe3df29bd49866
def inflate_long():
    out = int.from_bytes(s, "big")


# replaces statement: 6a7b1a1e82d762e6
def deflate_long():
    bits = (n if n >= 0 else ~n).bit_length()
    size = (bits + 31) // 32 * 4
    s = (n & ((1 << 8 * size) - 1)).to_bytes(size, "big")
    n = 0 if n >= 0 else -1


# replaces statement: 5039d94e25207edd
def safe_string():
    out = b"".join(
        b"%c" % i if 32 <= i <= 127 else b"%%%02X" % i
        for i in map(byte_ord, s)
    )
