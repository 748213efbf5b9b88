"""The bus between processes, over Apache Kafka. The only place that knows the client library.

Its clients wait for ever in several situations (a broker that is down, a rebalance that does not end), so nothing here
awaits them without a bound, and what does not answer is thrown away and made anew. Doubled deliveries are part of the
contract: the inbox removes them. Lost or inverted ones are not.
"""

from shared.kafka.broker import KafkaBus
from shared.kafka.consumer import KafkaSubscription
from shared.kafka.producer import KafkaPublisher, MessageTooLarge
from shared.kafka.settings import KafkaSettings

__all__ = ["KafkaBus", "KafkaPublisher", "KafkaSettings", "KafkaSubscription", "MessageTooLarge"]
