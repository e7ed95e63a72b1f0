import java.io.*;
import java.net.*;
import java.util.*;
import java.util.concurrent.*;

/** A thread for each connection, of a pool of N: {@code HOST:PORT --workers N}. With {@code --virtual}, a virtual thread. */
class JavaServer {
    public static void main(String[] arguments) throws Exception {
        List<String> flags = List.of(arguments);
        boolean virtual = flags.contains("--virtual");
        if (virtual && Runtime.version().feature() < 21) {
            System.err.println("virtual threads need JDK 21 or newer, and this is JDK " + Runtime.version().feature());
            System.exit(1);
        }
        // By its name, so that older JDKs compile this too.
        ExecutorService threads = virtual
            ? (ExecutorService) Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null)
            : Executors.newFixedThreadPool(Integer.parseInt(flags.get(flags.lastIndexOf("--workers") + 1)));
        String[] address = flags.get(0).split(":(?=\\d+$)");
        try {
            listen(InetAddress.getByName(address[0]), Integer.parseInt(address[1]), threads);
        } catch (IOException failed) {
            System.err.println("can't listen on " + flags.get(0) + ": " + failed.getMessage());
            System.exit(1);
        }
    }

    static void listen(InetAddress host, int port, Executor threads) throws IOException {
        ServerSocket listener = new ServerSocket(port, 4096, host);
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
            OutputStream out = connection.getOutputStream();
            while (true) {
                int length = Integer.reverseBytes(in.readInt());
                if (Integer.compareUnsigned(length, Service.FRAME_MOST) > 0) {
                    String message = Integer.toUnsignedString(length) + " bytes are over " + Service.FRAME_MOST;
                    out.write(Service.failure("frame_too_large", message));
                    return;
                }
                byte[] body = new byte[length];
                in.readFully(body);
                out.write(Service.answer(body));
            }
        } catch (IOException gone) {
            // The peer has gone, between frames or within a frame.
        }
    }
}
