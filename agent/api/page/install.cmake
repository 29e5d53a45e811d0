# Called while building, by page.cmake: fetches what the page is built with into MADE/tree/node_modules. Where that fails and the page is not
# REQUIRED, MADE/failed says so, until cmake is run again.
file(MAKE_DIRECTORY ${MADE}/tree)
file(COPY ${SOURCES}/package.json ${SOURCES}/package-lock.json DESTINATION ${MADE}/tree)
# What comes with a package runs no program of its own here. Without a network the first two tries are enough.
execute_process(COMMAND ${NPM} ci --ignore-scripts --no-audit --no-fund --prefer-offline --fetch-retries=1 --fetch-retry-mintimeout=1000
  --loglevel=error WORKING_DIRECTORY ${MADE}/tree RESULT_VARIABLE result OUTPUT_VARIABLE words ERROR_VARIABLE words)
if(NOT result EQUAL 0)
  if(REQUIRED)
    message(FATAL_ERROR "npm ci failed, and OUTRIDER_DASHBOARD is ON:\n${words}")
  endif()
  message(WARNING "npm ci failed, so that the agent is built without its page. Run cmake again to try again; -DOUTRIDER_DASHBOARD=OFF "
    "says that none is wanted, ON that the build is to fail.\n${words}")
  file(WRITE ${MADE}/failed "")
else()
  file(REMOVE ${MADE}/failed)
endif()
file(WRITE ${MADE}/installed "")
