"""The dashboard: shows what the agents know and asks them to act. It holds no truth of its own.

Of the agent it imports `model`, `rpc.protocol` and `rpc.client`; files of an instance, SQLite and
S3 are none of its business.
"""
