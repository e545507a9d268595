"""The bus over RabbitMQ: the one home of aio_pika and the library beneath it."""

__all__: list[str] = []
