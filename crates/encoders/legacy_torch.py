"""Reads one layout of PyTorch's old weight files without unpickling anything, and writes safetensors.

A file of `torch.save` before version 1.6 is five pickles (a magic number, a version, the writer's sizes, the parameters, the storages'
keys) and then, for each key, a count and the numbers. Unpickling may run any code, so nothing is unpickled here:
`pickletools.genops` lists the instructions as data, and the few that name a parameter's storage, offset and shape
are picked out; any other arrangement is refused. Only the standard library is used.
"""

import io
import json
import pickletools
import struct

MAGIC = 119547037146038801333356
SIZES = {"torch FloatStorage": 4, "torch LongStorage": 8}


class Layout(Exception):
    """The file is not of the layout that is read here."""


def convert(source, target):
    """Writes the float parameters of the file `source` as the safetensors file `target`; whole numbers (counters) are left out."""
    data = source.read_bytes()
    parameters, keys, position = index(data)
    storages = {}
    kinds = {parameter["storage"]: parameter["kind"] for parameter in parameters.values()}
    for key in keys:
        (count,) = struct.unpack_from("<q", data, position)
        size = SIZES[kinds[key]]
        storages[key] = data[position + 8 : position + 8 + count * size]
        position += 8 + count * size
    if position != len(data):
        raise Layout(f"{len(data) - position} bytes are left over")
    header, blobs, offset = {}, [], 0
    for name in sorted(parameters):
        parameter = parameters[name]
        if parameter["kind"] != "torch FloatStorage":
            continue
        n = 4
        for side in parameter["shape"]:
            n *= side
        blob = storages[parameter["storage"]][parameter["offset"] * 4 :][:n]
        if len(blob) != n:
            raise Layout(f"`{name}` is cut short")
        header[name] = {"dtype": "F32", "shape": parameter["shape"], "data_offsets": [offset, offset + n]}
        blobs.append(blob)
        offset += n
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    target.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def index(data):
    """Each parameter's storage, offset and shape; the storages' keys in their order; where the numbers begin."""
    stream = io.BytesIO(data)
    pickles = [[(op.name, argument) for op, argument, _ in pickletools.genops(stream)] for _ in range(5)]
    if ("LONG1", MAGIC) not in pickles[0]:
        raise Layout("the magic number is missing")
    keys = [argument for name, argument in pickles[4] if name == "BINUNICODE"]
    # What is memoised (BINPUT) and fetched again (BINGET, LONG_BINGET) carries no meaning of its own but for the storages' kinds.
    memo, last, items = {}, None, []
    for name, argument in pickles[3]:
        if name in ("BINPUT", "LONG_BINPUT"):
            memo[argument] = last
            continue
        if name in ("BINGET", "LONG_BINGET"):
            name, argument = memo[argument]
        last = (name, argument)
        items.append(last)
    return parameters_of(items), keys, stream.tell()


def parameters_of(items):
    """From `name, rebuild, ((storage, kind, key, device, count), offset, shape, strides, ...)`, as it stands in the instructions."""
    parameters = {}
    rebuild = ("GLOBAL", "torch._utils _rebuild_tensor_v2")
    for at, item in enumerate(items):
        if item != rebuild:
            continue
        name = items[at - 1][1]
        rest = items[at + 1 :]
        texts = [entry for entry in rest[:10] if entry[0] in ("BINUNICODE", "GLOBAL")]
        if texts[0][1] != "storage" or texts[1][1] not in SIZES:
            raise Layout(f"`{name}` is stored in another way")
        start = next(i for i, entry in enumerate(rest) if entry[0] == "BINPERSID") + 1
        offset = number(rest[start])
        shape, after = numbers(rest, start + 1)
        strides, _ = numbers(rest, after)
        expected, stride = [], 1
        for side in reversed(shape):
            expected.insert(0, stride)
            stride *= side
        if strides != expected:
            raise Layout(f"`{name}` does not lie row by row")
        parameters[name] = {"kind": texts[1][1], "storage": texts[2][1], "offset": offset, "shape": shape}
    return parameters


def number(item):
    if item[0] not in ("BININT", "BININT1", "BININT2"):
        raise Layout(f"a number was expected, but {item[0]} stands there")
    return item[1]


def numbers(items, at):
    """A tuple of whole numbers, and the place after it."""
    if items[at][0] == "EMPTY_TUPLE":
        return [], at + 1
    found, at = [], at + (items[at][0] == "MARK")
    while not items[at][0].startswith("TUPLE"):
        found.append(number(items[at]))
        at += 1
    return found, at + 1
