import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.Record;

/** Kafka Streams with a processor by hand and everything in the heap: nothing is durable. */
public final class StreamsHeap {
    static final List<String> LINES = new ArrayList<>();
    static final CountDownLatch DONE = new CountDownLatch(1);
    static long expected;
    static long seen;

    static final class Fold implements Processor<byte[], byte[], Void, Void> {
        private final Map<Long, Map<String, RegionMinute>> open = new HashMap<>();

        @Override
        public void process(Record<byte[], byte[]> record) {
            if (seen == 0) {
                Rows.first();
            }
            Event event = Event.parse(record.value());
            if (event.heartbeat) {
                close(event.closedTo / Event.MINUTE);
            } else {
                open.computeIfAbsent(event.at / Event.MINUTE, unused -> new HashMap<>())
                    .computeIfAbsent(event.region, unused -> new RegionMinute())
                    .add(event);
            }
            if (++seen == expected) {
                DONE.countDown();
            }
        }

        private void close(long bound) {
            Iterator<Map.Entry<Long, Map<String, RegionMinute>>> minutes = open.entrySet().iterator();
            while (minutes.hasNext()) {
                Map.Entry<Long, Map<String, RegionMinute>> one = minutes.next();
                if (one.getKey() < bound) {
                    one.getValue().forEach((region, found) -> found.emit(region, one.getKey(), LINES::add));
                    minutes.remove();
                }
            }
        }
    }

    public static void main(String[] arguments) throws InterruptedException {
        String topic = arguments[1];
        expected = Long.parseLong(arguments[2]);
        Topology topology = new Topology();
        topology.addSource("events", Serdes.ByteArray().deserializer(), Serdes.ByteArray().deserializer(), topic);
        topology.addProcessor("fold", Fold::new, "events");
        KafkaStreams streams = new KafkaStreams(topology, settings(arguments[0], topic + "-heap", arguments[4]));
        streams.start();
        DONE.await();
        Rows.done();
        streams.close();
        Rows.write(arguments[3], LINES);
    }

    static Properties settings(String bootstrap, String name, String folder) {
        Properties properties = new Properties();
        properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
        properties.put(StreamsConfig.APPLICATION_ID_CONFIG, name);
        properties.put(StreamsConfig.STATE_DIR_CONFIG, folder);
        properties.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        properties.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        return properties;
    }
}
