-- wrk: requests for one host name after the other; how many there are is the first argument.
local requests = {}
local last = 0

function init(args)
  for host = 1, tonumber(args[1]) do
    requests[host] = wrk.format(nil, nil, { Host = "h" .. (host - 1) .. ".example" })
  end
end

function request()
  last = last % #requests + 1
  return requests[last]
end
