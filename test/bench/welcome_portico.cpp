// A welcome server on portico, only compiled: what a user's file costs the compiler beside welcome_asio.cpp.
#include <portico/portico.hpp>

portico::task<> welcome(portico::connection& client)
{
    co_await client.write("Welcome to portico!\r\n");
}

int main()
{
    return portico::serve(portico::tcp("localhost", 9999), welcome);
}
