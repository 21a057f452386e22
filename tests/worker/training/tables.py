"""Small canonical tables for the training core's tests."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def write(path, **columns):
    """Write columns as canonical Parquet: arrays of numbers, or of text (a category)."""
    fields, arrays = [], []
    for name, values in columns.items():
        array = pa.array([None if value is None else value for value in values])
        text = pa.types.is_string(array.type)
        array = array if text else array.cast(pa.float64())
        fields.append(pa.field(name, array.type, metadata={"type": "category" if text else "number"}))
        arrays.append(array)
    pq.write_table(pa.table(arrays, schema=pa.schema(fields)), path)
    return path


def two_targets(path, rows=300):
    """y = x·(1, 2) + noise and hot = [x1 > 0.5], as in the field's classic example."""
    random = np.random.default_rng(0)
    x = random.uniform(size=(rows, 2))
    y = x @ [1.0, 2.0] + random.normal(scale=0.1, size=rows)
    return write(path, x1=x[:, 0].tolist(), x2=x[:, 1].tolist(), y=y.tolist(), hot=_yes(x[:, 0] > 0.5))


def mixed(path, rows=90):
    """One feature of `two_targets` beside a private one, some of it missing, and labels that are not always there."""
    random = np.random.default_rng(2)
    x = random.uniform(size=(rows, 2))
    private = [None if i % 11 == 0 else value for i, value in enumerate(x[:, 1].tolist())]
    hot = [None if i % 13 == 0 else word for i, word in enumerate(_yes(x.sum(1) > 1.0))]
    return write(path, x1=x[:, 0].tolist(), private=private, hot=hot)


def shops(path, groups=12, rows=40, small=0):
    """Groups whose slopes are alike; the last ``small`` of them have six rows each."""
    random = np.random.default_rng(1)
    shop, x, y, out = [], [], [], []
    for group in range(groups):
        n = 6 if group >= groups - small else rows
        own = random.normal(size=(n, 3))
        slope = np.array([1.0, -2.0, 0.5]) + random.normal(scale=0.2, size=3)
        shop += [f"s{group:02d}"] * n
        x.append(own)
        y.append(own @ slope + random.normal(scale=0.3, size=n))
        out.append(own[:, 0] + random.normal(scale=0.5, size=n) > 0)
    features = np.concatenate(x)
    named = {f"x{i}": features[:, i].tolist() for i in range(3)}
    return write(path, shop=shop, **named, demand=np.concatenate(y).tolist(), stockout=_yes(np.concatenate(out)))


def pictures(count, side=16, seed=0):
    """Bars on noise, ``[count, side, side, 1]`` uint8; every second one stands, the others lie."""
    random = np.random.default_rng(seed)
    images = random.integers(0, 90, (count, side, side, 1)).astype(np.uint8)
    for index, at in enumerate(random.integers(0, side - 1, count)):
        bar = np.s_[:, at : at + 2] if index % 2 else np.s_[at : at + 2]
        images[index][bar] = 200
    return images


def bars(path, rows=120, *, seed=0, side=16, kinds=("lies", "stands"), **columns):
    """Pictures of bars, and what their bars do."""
    images = pictures(rows, side=side, seed=seed)
    write(path, kind=[kinds[i % 2] for i in range(rows)], **columns)
    table = pq.read_table(path)
    told = dict(zip(("height", "width", "channels"), map(str, images.shape[1:]), strict=True))
    field = pa.field("image", pa.binary(images[0].size), metadata={"type": "image", **told})
    cells = pa.array([image.tobytes() for image in images], field.type)
    pq.write_table(table.add_column(0, field, cells), path)
    return path


def _yes(mask):
    return ["yes" if value else "no" for value in mask]
