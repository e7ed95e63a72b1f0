import java.nio.*;
import java.nio.charset.CharacterCodingException;
import java.util.*;
import static java.nio.charset.StandardCharsets.UTF_8;

/** What each operation does. The server is in JavaServer.java. */
class Service {
    static final int FRAME_MOST = 1 << 20;
    static final int SPIN_MOST_US = 10_000_000;
    static final int WAIT_MOST_MS = 60_000;

    static byte[] answer(byte[] body) {
        String code = "bad_request";
        try {
            Map<String, String> request = Json.members(UTF_8.newDecoder().decode(ByteBuffer.wrap(body)).toString());
            String operation = Json.string(Objects.requireNonNull(request.get("in"), "in is missing"));
            String params = Objects.requireNonNull(request.get("params"), "params is missing");
            code = "bad_params";
            switch (operation) {
                case "ping": return reply("pong", params);
                case "pi": return reply("pi_r", Double.toString(pi(whole(params, 10_000_000))));
                case "spin": return reply("spun", spin(params));
                case "sleep": return reply("slept", sleep(params));
                case "block": return reply("blocked", sleep(params));
                case "blob": return reply("blob", text(params));
                case "work": return reply("worked", work(params));
                default: return failure("unknown_operation", "there is no operation " + operation);
            }
        } catch (CharacterCodingException | RuntimeException | StackOverflowError wrong) {
            return failure(code, wrong.toString());
        }
    }

    static String work(String params) {
        Map<String, String> keys = Json.members(params);
        if (!Set.of("cpu_us", "wait_ms", "block", "reply_bytes").containsAll(keys.keySet())) {
            throw new IllegalArgumentException("a key is unknown");
        }
        String block = keys.getOrDefault("block", "false");
        if (!block.equals("true") && !block.equals("false")) {
            throw new IllegalArgumentException("block is neither true nor false");
        }
        String wait = keys.getOrDefault("wait_ms", "0");
        whole(wait, WAIT_MOST_MS);
        String text = text(keys.getOrDefault("reply_bytes", "0"));
        spin(keys.getOrDefault("cpu_us", "0"));
        sleep(wait);
        return text;
    }

    static double pi(long terms) {
        double sum = 0;
        for (long i = 0; i <= terms; i++) sum += 1 / ((2.0 * i + 1) * (2 * i + 1));
        return Math.sqrt(8 * sum);
    }

    /** Returns what it was given, as a reply has it. */
    static String spin(String us) {
        long ns = whole(us, SPIN_MOST_US) * 1000;
        for (long start = System.nanoTime(); System.nanoTime() - start < ns; ) Thread.onSpinWait();
        return us;
    }

    /** Both waits are the same here: a sleeping virtual thread releases its carrier thread. */
    static String sleep(String ms) {
        try {
            Thread.sleep(whole(ms, WAIT_MOST_MS));
        } catch (InterruptedException never) {
            throw new IllegalStateException(never);
        }
        return ms;
    }

    static String text(String length) { return '"' + "x".repeat((int) whole(length, FRAME_MOST - 64)) + '"'; }

    static long whole(String text, long most) {
        if (!text.matches("\\d{1,9}") || Long.parseLong(text) > most) {
            throw new IllegalArgumentException("not a whole number from 0 to " + most);
        }
        return Long.parseLong(text);
    }

    static byte[] failure(String code, String message) {
        // An escape of the message's own would have to be escaped again.
        String plain = message.substring(0, Math.min(200, message.length())).replaceAll("[\"\\\\\\p{Cntrl}]", "?");
        return reply("error", "{\"code\":\"" + code + "\",\"message\":\"" + plain + "\"}");
    }

    static byte[] reply(String out, String result) {
        byte[] body = ("{\"out\":\"" + out + "\",\"result\":" + result + "}").getBytes(UTF_8);
        ByteBuffer frame = ByteBuffer.allocate(4 + body.length).order(ByteOrder.LITTLE_ENDIAN);
        return frame.putInt(body.length).put(body).array();
    }
}
