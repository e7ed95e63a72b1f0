import java.io.*;
import java.net.*;
import java.nio.*;
import java.util.*;
import java.util.concurrent.*;
import static java.nio.charset.StandardCharsets.UTF_8;

/** A thread for each connection, of a pool of N: {@code HOST:PORT --workers N}. With {@code --virtual}, a virtual thread. */
class JavaServer {
    static final int FRAME_MOST = 1 << 20;

    public static void main(String[] arguments) throws Exception {
        List<String> flags = List.of(arguments);
        boolean virtual = flags.contains("--virtual");
        if (virtual && Runtime.version().feature() < 21) {
            System.err.println("virtual threads need JDK 21 or newer, and this is JDK " + Runtime.version().feature());
            System.exit(1);
        }
        ExecutorService threads = virtual
            ? (ExecutorService) Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null)
            : Executors.newFixedThreadPool(Integer.parseInt(flags.get(flags.lastIndexOf("--workers") + 1)));
        String[] address = flags.get(0).split(":(?=\\d+$)");
        InetAddress host = InetAddress.getByName(address[0]);
        ServerSocket listener = new ServerSocket(Integer.parseInt(address[1]), 4096, host);
        System.out.println("listening on " + host.getHostAddress() + ":" + listener.getLocalPort());
        while (true) {
            Socket connection = listener.accept();
            threads.execute(() -> serve(connection));
        }
    }

    static void serve(Socket connection) {
        try (connection) {
            connection.setTcpNoDelay(true);
            DataInputStream in = new DataInputStream(new BufferedInputStream(connection.getInputStream()));
            for (boolean goesOn = true; goesOn; ) {
                int length = Integer.reverseBytes(in.readInt());
                goesOn = Integer.compareUnsigned(length, FRAME_MOST) <= 0;
                byte[] body = new byte[goesOn ? length : 0];
                in.readFully(body);
                byte[] reply = (goesOn ? answer(body) : failure("frame_too_large", "over " + FRAME_MOST)).getBytes(UTF_8);
                ByteBuffer frame = ByteBuffer.allocate(4 + reply.length).order(ByteOrder.LITTLE_ENDIAN);
                connection.getOutputStream().write(frame.putInt(reply.length).put(reply).array());
            }
        } catch (IOException gone) {
            // The peer has gone, between frames or within a frame.
        }
    }

    static String answer(byte[] body) {
        String operation, params;
        try {
            Map<String, String> request = Json.members(UTF_8.newDecoder().decode(ByteBuffer.wrap(body)).toString());
            operation = Json.string(request.get("in"));
            params = Objects.requireNonNull(request.get("params"));
        } catch (IOException | RuntimeException | StackOverflowError wrong) {
            return failure("bad_request", "not an object in UTF-8 with in, a string, and params");
        }
        try {
            return switch (operation) {
                case "ping" -> reply("pong", params);
                case "pi" -> reply("pi_r", "" + pi(whole(params, 10_000_000)));
                case "spin" -> reply("spun", work(Map.of("cpu_us", params), params));
                case "sleep" -> reply("slept", work(Map.of("wait_ms", params), params));
                case "block" -> reply("blocked", work(Map.of("wait_ms", params), params));
                case "blob" -> reply("blob", text(params));
                case "work" -> reply("worked", work(Json.members(params), null));
                // Not as it was sent: an escape of its own would have to be escaped again.
                default -> failure("unknown_operation", "no operation " + operation.replaceAll("[\"\\\\\\p{Cntrl}]", "?"));
            };
        } catch (RuntimeException wrong) {
            return failure("bad_params", operation + " does not take these params, or not so much");
        }
    }

    /** A wait that blocks is no other wait here: a virtual thread that sleeps leaves its carrier to others anyway. */
    static String work(Map<String, String> keys, String result) {
        boolean isKnown = Set.of("cpu_us", "wait_ms", "block", "reply_bytes").containsAll(keys.keySet());
        if (!isKnown || !keys.getOrDefault("block", "true").matches("true|false")) throw new IllegalArgumentException();
        long spinUs = whole(keys.getOrDefault("cpu_us", "0"), 10_000_000);
        long waitMs = whole(keys.getOrDefault("wait_ms", "0"), 60_000);
        String text = text(keys.getOrDefault("reply_bytes", "0"));
        for (long start = System.nanoTime(); System.nanoTime() - start < spinUs * 1000; ) Thread.onSpinWait();
        try {
            Thread.sleep(waitMs);
        } catch (InterruptedException never) {
            throw new IllegalStateException(never);
        }
        return result == null ? text : result;
    }

    static double pi(long terms) {
        double sum = 0;
        for (long i = 0; i <= terms; i++) sum += 1 / ((2.0 * i + 1) * (2 * i + 1));
        return Math.sqrt(8 * sum);
    }

    static long whole(String text, long most) {
        if (!text.matches("\\d{1,9}") || Long.parseLong(text) > most) throw new IllegalArgumentException(text);
        return Long.parseLong(text);
    }

    static String text(String length) { return '"' + "x".repeat((int) whole(length, FRAME_MOST - 64)) + '"'; }

    static String reply(String out, String result) { return "{\"out\":\"" + out + "\",\"result\":" + result + "}"; }

    static String failure(String code, String message) {
        return reply("error", "{\"code\":\"" + code + "\",\"message\":\"" + message + "\"}");
    }
}
