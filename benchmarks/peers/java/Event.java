import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Set;

/** A value of the topic `events`: an event, or a heartbeat, of which only the time matters here. */
public final class Event {
    static final JsonFactory JSON = new JsonFactory();
    static final Set<String> COUNTING = Set.of("post", "reply", "reshare", "reaction", "request");
    static final String[] NONE = new String[0];
    static final long MINUTE = 60_000;

    public boolean heartbeat;
    public String id = "";
    public long at;
    public String region = "";
    public String actor = "";
    /** Whether the actor takes part by it: a counting kind, and no bot. */
    public boolean counting;
    public String[] tags = NONE;
    /** Of a heartbeat: the event time (ms) before which everything is closed. */
    public long closedTo;

    public static Event parse(byte[] raw) {
        Event event = new Event();
        long completeTo = 0;
        long lateness = 120_000;
        boolean bot = false;
        try (JsonParser parser = JSON.createParser(raw)) {
            parser.nextToken();
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String name = parser.currentName();
                parser.nextToken();
                switch (name) {
                    case "type" -> event.heartbeat = parser.getText().equals("heartbeat");
                    case "id" -> event.id = parser.getText();
                    case "at" -> event.at = parser.getLongValue();
                    case "region" -> event.region = parser.getText();
                    case "actor" -> event.actor = parser.getText();
                    case "kind" -> event.counting = COUNTING.contains(parser.getText());
                    case "role" -> bot = parser.getText().equals("bot");
                    case "complete_to" -> completeTo = parser.getLongValue();
                    case "lateness" -> lateness = parser.getLongValue();
                    case "tags" -> {
                        ArrayList<String> tags = new ArrayList<>(4);
                        while (parser.nextToken() != JsonToken.END_ARRAY) {
                            tags.add(parser.getText());
                        }
                        event.tags = tags.toArray(NONE);
                    }
                    default -> parser.skipChildren();
                }
            }
        } catch (IOException error) {
            throw new IllegalArgumentException("wanted a value of the topic events", error);
        }
        event.counting = event.counting && !bot;
        event.closedTo = completeTo - lateness;
        return event;
    }
}
