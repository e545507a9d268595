"""Messages of AMQP: events as messages, their headers, their bytes."""
