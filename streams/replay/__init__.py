"""The past, with today's eyes: the same folds over a stretch of the log, without Faust. Writes nothing to Kafka.

Each partition of `events` is folded by `partition`, several of them in each process of `child`; `merge` brings their
activity into one order, by minute, region and shard, in which `run` judges the regions. What comes of it goes to a
sink, minute by minute. `work` keeps what a killed replay needs to go on.
"""
