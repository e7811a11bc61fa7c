"""Building datasets: policies, collection, encoding, storage, copying and importing."""
