"""Live streams: one engine under Server-Sent Events, JSON lines and WebSocket, resumable at any line."""
