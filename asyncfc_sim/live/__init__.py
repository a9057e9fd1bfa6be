"""Agents on a served model: the scheduler and the session on asyncio."""
