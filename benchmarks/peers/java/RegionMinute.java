import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

/** What one region did in one minute, in the heap: ids against repeats, events and people of each tag. */
public final class RegionMinute {
    static final class Series {
        int events;
        final Set<String> people = new HashSet<>();
    }

    private final Set<String> ids = new HashSet<>();
    private final Map<String, Series> series = new HashMap<>();

    public void add(Event event) {
        if (!ids.add(event.id)) {
            return;
        }
        count("", event);
        for (String tag : event.tags) {
            count(tag, event);
        }
    }

    private void count(String tag, Event event) {
        Series one = series.computeIfAbsent(tag, unused -> new Series());
        one.events++;
        if (event.counting) {
            one.people.add(event.actor);
        }
    }

    public void emit(String region, long minute, Consumer<String> out) {
        series.forEach((tag, one) -> out.accept(Rows.line(region, tag, minute, one.events, one.people.size())));
    }
}
