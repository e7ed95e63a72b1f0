import java.util.*;
import java.util.regex.*;

/** The JSON that Java's standard library lacks: as much as a server needs that returns values as they were written. */
class Json {
    private static final Pattern SCALAR = Pattern.compile("-?(0|[1-9]\\d*)(\\.\\d+)?([eE][+-]?\\d+)?|true|false|null");
    private static final Pattern ESCAPE = Pattern.compile("\\\\(?:(/)|[\"\\\\bfnrt]|u(\\p{XDigit}{4}))");
    private final String text;
    private int at;

    private Json(String text) {
        this.text = text;
    }

    /** The members of an object, each as it is written. Of a key that is there twice, the last counts. */
    static Map<String, String> members(String text) {
        Json json = new Json(text);
        Map<String, String> found = json.object();
        json.need(json.peek() == 0 && json.at == text.length());
        return found;
    }

    /** What a string means. */
    static String string(String text) {
        return new Json(text).string();
    }

    private Map<String, String> object() {
        Map<String, String> found = new HashMap<>();
        need(take('{'));
        if (take('}')) return found;
        do {
            need(peek() == '"');
            String key = string();
            need(take(':'));
            found.put(key, value());
        } while (take(','));
        need(take('}'));
        return found;
    }

    private String value() {
        char first = peek();
        int start = at;
        if (first == '{') object();
        else if (first == '"') string();
        else if (first == '[') array();
        else next(SCALAR);
        return text.substring(start, at);
    }

    private void array() {
        at++;
        if (take(']')) return;
        do value(); while (take(','));
        need(take(']'));
    }

    private String string() {
        need(take('"'));
        StringBuilder read = new StringBuilder();
        for (char c = text.charAt(at); c != '"'; c = text.charAt(at)) {
            need(c >= ' ');
            if (c == '\\') {
                Matcher escape = next(ESCAPE);
                if (escape.group(2) != null) read.append((char) Integer.parseInt(escape.group(2), 16));
                else read.append(escape.group(1) != null ? "/" : escape.group().translateEscapes());
            } else {
                read.append(c);
                at++;
            }
        }
        at++;
        return read.toString();
    }

    /** The next character behind white space; 0 at the end. */
    private char peek() {
        while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) at++;
        return at < text.length() ? text.charAt(at) : 0;
    }

    private boolean take(char mark) {
        boolean isNext = peek() == mark;
        if (isNext) at++;
        return isNext;
    }

    private Matcher next(Pattern pattern) {
        Matcher matcher = pattern.matcher(text).region(at, text.length());
        need(matcher.lookingAt());
        at = matcher.end();
        return matcher;
    }

    private void need(boolean isSo) {
        if (!isSo) throw new IllegalArgumentException("no JSON from " + at + " on");
    }
}
