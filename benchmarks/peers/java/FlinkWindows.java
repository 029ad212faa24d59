import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.serialization.AbstractDeserializationSchema;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/** Flink in one process: tumbling windows keyed by region, state in the heap, no checkpoints. */
public final class FlinkWindows {
    static final List<String> LINES = new ArrayList<>();

    public static final class Parse extends AbstractDeserializationSchema<Event> {
        @Override
        public Event deserialize(byte[] raw) throws IOException {
            Rows.first();
            return Event.parse(raw);
        }
    }

    public static final class Fold implements AggregateFunction<Event, RegionMinute, RegionMinute> {
        @Override
        public RegionMinute createAccumulator() {
            return new RegionMinute();
        }

        @Override
        public RegionMinute add(Event event, RegionMinute sum) {
            sum.add(event);
            return sum;
        }

        @Override
        public RegionMinute getResult(RegionMinute sum) {
            return sum;
        }

        @Override
        public RegionMinute merge(RegionMinute one, RegionMinute other) {
            throw new UnsupportedOperationException("tumbling windows are never merged");
        }
    }

    public static final class Emit extends ProcessWindowFunction<RegionMinute, Integer, String, TimeWindow> {
        @Override
        public void process(String region, Context context, Iterable<RegionMinute> sums, Collector<Integer> out) {
            for (RegionMinute sum : sums) {
                sum.emit(region, context.window().getStart() / Event.MINUTE, LINES::add);
            }
            out.collect(LINES.size());
        }
    }

    public static void main(String[] arguments) throws Exception {
        StreamExecutionEnvironment environment = StreamExecutionEnvironment.createLocalEnvironment(1, new Configuration());
        environment.getConfig().enableObjectReuse();
        KafkaSource<Event> source = KafkaSource.<Event>builder()
            .setBootstrapServers(arguments[0])
            .setTopics(arguments[1])
            .setGroupId(arguments[1] + "-flink")
            .setStartingOffsets(OffsetsInitializer.earliest())
            .setBounded(OffsetsInitializer.latest())
            .setValueOnlyDeserializer(new Parse())
            .build();
        WatermarkStrategy<Event> watermarks = WatermarkStrategy.<Event>forBoundedOutOfOrderness(Duration.ofMinutes(2))
            .withTimestampAssigner((event, time) -> event.heartbeat ? event.closedTo : event.at);
        environment.fromSource(source, watermarks, "events")
            .filter(event -> !event.heartbeat)
            .keyBy(event -> event.region)
            .window(TumblingEventTimeWindows.of(Duration.ofMinutes(1)))
            .aggregate(new Fold(), new Emit())
            .sinkTo(new DiscardingSink<>());
        environment.execute("rows");
        Rows.done();
        Rows.write(arguments[3], LINES);
    }
}
