"""GraphQL over HTTP and WebSocket: who may come in, how much they may ask, and how answers leave."""
