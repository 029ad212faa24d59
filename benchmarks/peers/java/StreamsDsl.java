import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.state.Stores;

/** Kafka Streams as its documentation shows it: flat map, group, window, aggregate; state in memory with a changelog. */
public final class StreamsDsl {
    static final Duration MINUTE = Duration.ofMinutes(1);
    /** Partitions are caught up one after the other: with a short grace most records would count as late. */
    static final Duration GRACE = Duration.ofHours(3);

    /** Six times the default, so that a set of people is not written to the changelog with each of its events. */
    static final long CACHE_BYTES = 64L << 20;

    static final class Counts {
        final Set<String> ids = new HashSet<>();
        final Set<String> people = new HashSet<>();
    }

    /** What one event says to one series, as it stands in the repartition topic: id, and the person if it counts. */
    record Said(String id, String person) {}

    interface Write<T> {
        void to(T value, DataOutputStream out) throws IOException;
    }

    interface Read<T> {
        T from(DataInputStream in) throws IOException;
    }

    static <T> Serde<T> serde(Write<T> write, Read<T> read) {
        Serializer<T> serializer = (topic, value) -> {
            if (value == null) {
                return null;
            }
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            try (DataOutputStream out = new DataOutputStream(bytes)) {
                write.to(value, out);
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
            return bytes.toByteArray();
        };
        Deserializer<T> deserializer = (topic, raw) -> {
            if (raw == null) {
                return null;
            }
            try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(raw))) {
                return read.from(in);
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
        };
        return Serdes.serdeFrom(serializer, deserializer);
    }

    static void writeSet(Set<String> set, DataOutputStream out) throws IOException {
        out.writeInt(set.size());
        for (String one : set) {
            out.writeByte(one.length());
            out.writeBytes(one);
        }
    }

    /** Pseudonyms are ASCII, and at most 64 characters long. */
    static void readSet(Set<String> set, DataInputStream in) throws IOException {
        byte[] text = new byte[64];
        for (int left = in.readInt(); left > 0; left--) {
            int length = in.readUnsignedByte();
            in.readFully(text, 0, length);
            set.add(new String(text, 0, length, StandardCharsets.ISO_8859_1));
        }
    }

    public static void main(String[] arguments) throws InterruptedException {
        String topic = arguments[1];
        long expected = Long.parseLong(arguments[2]);
        AtomicLong seen = new AtomicLong();
        AtomicLong said = new AtomicLong();
        AtomicLong heard = new AtomicLong();
        Map<String, int[]> latest = new HashMap<>();

        Serde<Event> events = Serdes.serdeFrom((name, event) -> null, (name, raw) -> Event.parse(raw));
        Serde<Said> sayings = serde(
            (one, out) -> {
                out.writeUTF(one.id());
                out.writeUTF(one.person());
            },
            in -> new Said(in.readUTF(), in.readUTF()));
        Serde<Counts> counts = serde(
            (one, out) -> {
                writeSet(one.ids, out);
                writeSet(one.people, out);
            },
            in -> {
                Counts one = new Counts();
                readSet(one.ids, in);
                readSet(one.people, in);
                return one;
            });

        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(topic, Consumed.with(Serdes.ByteArray(), events)
                .withTimestampExtractor((record, time) -> ((Event) record.value()).at))
            .flatMap((key, event) -> {
                Rows.first();
                List<KeyValue<String, Said>> out = new ArrayList<>();
                if (!event.heartbeat) {
                    Said one = new Said(event.id, event.counting ? event.actor : "");
                    out.add(KeyValue.pair(event.region + "\t", one));
                    for (String tag : event.tags) {
                        out.add(KeyValue.pair(event.region + "\t" + tag, one));
                    }
                }
                said.addAndGet(out.size());
                seen.incrementAndGet();
                return out;
            })
            .groupByKey(Grouped.with(Serdes.String(), sayings))
            .windowedBy(TimeWindows.ofSizeAndGrace(MINUTE, GRACE))
            .aggregate(
                Counts::new,
                (key, one, sum) -> {
                    sum.ids.add(one.id());
                    if (!one.person().isEmpty()) {
                        sum.people.add(one.person());
                    }
                    heard.incrementAndGet();
                    return sum;
                },
                Materialized.<String, Counts>as(Stores.inMemoryWindowStore("minutes", MINUTE.plus(GRACE), MINUTE, false))
                    .withKeySerde(Serdes.String())
                    .withValueSerde(counts))
            .toStream()
            .foreach((window, sum) -> latest.put(
                window.key() + "\t" + window.window().start() / Event.MINUTE,
                new int[] {sum.ids.size(), sum.people.size()}));

        Properties settings = StreamsHeap.settings(arguments[0], topic + "-dsl", arguments[4]);
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, CACHE_BYTES);
        KafkaStreams streams = new KafkaStreams(builder.build(), settings);
        streams.start();
        while (seen.get() < expected || heard.get() < said.get()) {
            Thread.sleep(10);
        }
        // Closing flushes the cache, and so gives the last results.
        streams.close();
        Rows.done();
        List<String> lines = new ArrayList<>();
        latest.forEach((row, pair) -> lines.add(row + "\t" + pair[0] + "\t" + pair[1]));
        Rows.write(arguments[3], lines);
    }
}
