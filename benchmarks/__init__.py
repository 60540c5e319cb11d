"""How fast ``inworld_rt`` receives speech, against what is possible and against others.

``python -m benchmarks`` prints the tables. Everything runs on this machine: a bare WebSocket server
in a process of its own replays prepared messages (``feeder``) to one fresh process for each subject
and round (``probe``, ``subjects``). Never part of an installation.
"""
