"""The embedded server: what the service and Centrifugo's official clients need of Centrifugo, in one process.

Each line imports only from the lines above it:

    configuration/            the keys of config.json that are honoured
    protocol/                 commands, replies and codes of the client protocol
    subscriber, timers, token_verifier
    channels/                 namespaces, subscribers, history, idempotency keys
    hub                       what all connections share
    connection/, server_api/  clients over WebSocket; the backend over HTTP
    embedded_publisher, __main__
"""
