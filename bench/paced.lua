-- wrk: each connection waits so many milliseconds before its next request, so that the load leaves the builds room.
function delay()
   return 25
end
